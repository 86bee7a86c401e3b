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
  readonly areAny: (person: string) => Promise<boolean>
  /** The first by name; `name` is a part of it, or empty. */
  readonly list: (person: string, name: string) => Promise<ListedOrganizations>
  /** Undefined where there is none of the id, or it is not theirs. */
  readonly find: (person: string, id: string) => Promise<AdministeredOrganization | undefined>
}

type ListedOrganizations = { readonly organizations: readonly ListedOrganization[]; readonly areMore: boolean }

/** `partOf` is the name of the organization above it. */
type ListedOrganization = NamedOrganization & { readonly partOf?: string }

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
  areAny: async person => {
    const { entries } = await search(parts, await callerOf(parts, person), new URLSearchParams({ _count: '1' }))
    return entries.length > 0
  },
  list: async (person, name) => {
    const query = new URLSearchParams({ _sort: 'name', _count: '100', _include: 'Organization:partof' })
    if (name !== '') query.set('name:contains', escaped(name))
    const { entries, included, next } = await search(parts, await callerOf(parts, person), query)
    const found = entries.map(({ content }): Organization => JSON.parse(content))
    const above = included.map(({ content }): Organization => JSON.parse(content))
    const names = new Map([...found, ...above].map(one => [`Organization/${one.id}`, named(one).name]))
    const organizations = found.map(one => {
      const partOf = names.get(one.partOf?.reference ?? '')
      return { ...named(one), ...(partOf === undefined ? {} : { partOf }) }
    })
    return { organizations, areMore: next !== undefined }
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
