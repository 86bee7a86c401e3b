import type { Organization } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { administeredBy } from '../../access/questions.ts'
import type { Registry } from '../../fhir/registry.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'
import type { Store } from '../../storage/store.ts'
import { nameOrder } from './name-order.ts'
import { nameOfOrganization } from './organization-tree.ts'

/** The organizations whose apps and EHRs a Person manages: as a manager, or as an administrator of the installation. */
export type AdministeredOrganizations = {
  /** Undefined if there is no organization with the id, or it is not theirs. */
  readonly find: (person: string, id: string) => Promise<AdministeredOrganization | undefined>
}

export type NamedOrganization = { readonly id: string; readonly name: string }

/** `caller`: the administrator, for other questions to the rules. */
type AdministeredOrganization = NamedOrganization & { readonly caller: Caller }

type Parts = {
  readonly database: Database
  readonly registry: Registry
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

export const openAdministeredOrganizations = ({
  database,
  registry,
  openStoreFor,
}: Parts): AdministeredOrganizations => ({
  find: async (person, id) => {
    const scope = 'user/Organization.rs'
    const caller = await callerOfPerson(database, { person, client: 'pages', scope })
    const asked = parseSearch(registry, 'Organization', new URLSearchParams())
    const where = and(asked.where, administeredBy(caller), { kind: 'identified', ids: [id] })
    const { entries } = await openStoreFor(caller).search({ ...asked, where })
    const [found] = entries
    return found && { ...namedOrganization(JSON.parse(found.content)), caller }
  },
})

/** For lists of them. */
export const byItsName = (one: NamedOrganization, other: NamedOrganization): number => nameOrder(one.name, other.name)

/** The organization with its name, or with its id if it has none. */
export const namedOrganization = (organization: Organization): NamedOrganization => ({
  id: organization.id ?? '',
  name: nameOfOrganization(organization),
})
