import type { Organization } from '@medplum/fhirtypes'
import { administeredBy } from '../access/administered.ts'
import type { Caller } from '../access/caller.ts'
import type { Registry } from '../fhir/registry.ts'
import { escaped } from '../search/escape.ts'
import { and, type Expression } from '../search/expression.ts'
import { parseSearch } from '../search/parse.ts'
import type { Database } from '../storage/database.ts'
import type { Store } from '../storage/store.ts'
import { callerOfPerson } from '../storage/token.ts'

/** The organizations whose apps and EHRs a Person looks after: as a manager, or as an administrator of the installation. */
export type AdministeredOrganizations = {
  /** The first by name; `name` is a part of it, or empty. */
  readonly list: (person: string, name: string) => Promise<ListedOrganizations>
  /** Undefined where there is none of the id, or it is not theirs. */
  readonly find: (person: string, id: string) => Promise<AdministeredOrganization | undefined>
}

type ListedOrganizations = { readonly organizations: readonly NamedOrganization[]; readonly areMore: boolean }

export type NamedOrganization = { readonly id: string; readonly name: string }

/** `caller` is who administers it, for what else has to be asked of the rules. */
type AdministeredOrganization = NamedOrganization & { readonly caller: Caller }

type Parts = {
  readonly database: Database
  readonly registry: Registry
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

export const openAdministeredOrganizations = (parts: Parts): AdministeredOrganizations => ({
  list: async (person, name) => {
    const query = { _sort: 'name', _count: '100', ...(name === '' ? {} : { 'name:contains': escaped(name) }) }
    const { entries, next } = await search(parts, await callerOf(parts, person), new URLSearchParams(query))
    return { organizations: entries.map(({ content }) => named(JSON.parse(content))), areMore: next !== undefined }
  },
  find: async (person, id) => {
    const caller = await callerOf(parts, person)
    const { entries } = await search(parts, caller, new URLSearchParams(), { kind: 'identified', ids: [id] })
    const [found] = entries
    return found && { ...named(JSON.parse(found.content)), caller }
  },
})

const callerOf = ({ database }: Parts, person: string): Promise<Caller> =>
  callerOfPerson(database, { person, client: 'pages', scope: 'user/Organization.rs' })

const search = ({ registry, openStoreFor }: Parts, caller: Caller, query: URLSearchParams, ...which: Expression[]) => {
  const asked = parseSearch(registry, 'Organization', query)
  return openStoreFor(caller).search({ ...asked, where: and(asked.where, administeredBy(caller), ...which) })
}

const named = ({ id = '', name = '' }: Organization): NamedOrganization => ({ id, name: name === '' ? id : name })
