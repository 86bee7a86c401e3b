import type { Organization, Resource } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { inOneOf } from '../../access/owner.ts'
import { administeredBy } from '../../access/questions.ts'
import { parseJson } from '../../fhir/json.ts'
import { withoutMadeNarrative } from '../../fhir/patch/stale-narrative.ts'
import type { Registry } from '../../fhir/registry.ts'
import { requireValidChange } from '../../fhir/validate/valid-change.ts'
import { requireValid } from '../../fhir/validate/validate.ts'
import { and, type Expression } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { maxCount } from '../../search/result-parameter.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { createOnce } from '../../storage/create-once.ts'
import type { Database } from '../../storage/database.ts'
import type { Store, Write } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'

/**
 * Somebody who sees or changes organizations: staff of one, or an administrator of the installation. Everything that they see and change passes
 * the gate, as if they had asked over FHIR.
 */
export type Organizer = {
  /** Id of the Person. */
  readonly person: string
  readonly caller: Caller
  readonly find: <R extends Resource>(type: R['resourceType'], query: Query, more?: More) => Promise<Found<R>>
  /** Throws `not-found`, including for what they may not see. */
  readonly read: <R extends Resource>(type: R['resourceType'], id: string) => Promise<Versioned<R>>
  /** Answers the id of what was written. Throws FhirError if it is not valid, is not theirs to write, or has another version by now. */
  readonly write: (write: Write) => Promise<string>
  /** The same for a new resource with that id. If it is there already, it stays as it is. */
  readonly make: (resource: Resource, id: string) => Promise<string>
  /** Does all of it, or nothing if it throws. What is read within sees what was written. */
  readonly atomic: <T>(run: (within: Pick<Organizer, 'find' | 'write'>) => Promise<T>) => Promise<T>
  /** Those of the Organizations in which they can give roles. */
  readonly administers: (ids: readonly string[]) => Promise<ReadonlySet<string>>
}

type Query = Readonly<Record<string, string>>
type More = { readonly cursor?: string | undefined; readonly where?: Expression }

type Versioned<R> = { readonly resource: R; readonly version: string }

type Found<R> = {
  readonly entries: readonly Versioned<R>[]
  readonly included: readonly Resource[]
  readonly next?: string
  readonly total?: number
}

export type OrganizerParts = {
  readonly database: Database
  readonly registry: Registry
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

/** Undefined for somebody who is neither staff nor an administrator. */
export const findOrganizer = async (parts: OrganizerParts, person: string): Promise<Organizer | undefined> => {
  const { database, registry, openStoreFor } = parts
  const caller = await callerOfPerson(database, { person, client: 'pages', scope })
  if (!caller.administrator && caller.practitioner === undefined) return undefined
  const store = openStoreFor(caller)
  const { organizations } = caller
  const { find, write } = askedOf(store, registry, organizations)
  return {
    person,
    caller,
    find,
    read: async (type, id) => {
      const { content, versionId } = await store.read(type, id)
      return { resource: parseJson(content) as never, version: versionId }
    },
    write,
    make: (resource, id) => write(createOnce(registry, resource, id)),
    atomic: run => store.atomic(within => run(askedOf(within, registry, organizations))),
    administers: async ids => {
      const found = new Set<string>()
      for (let from = 0; from < ids.length; from += maxCount) {
        const some = ids.slice(from, from + maxCount)
        const where = and(administeredBy(caller), { kind: 'identified', ids: some })
        const { entries } = await find<Organization>('Organization', { _count: String(some.length) }, { where })
        for (const { resource } of entries) found.add(resource.id ?? '')
      }
      return found
    },
  }
}

const scope =
  'user/Organization.cruds user/Practitioner.rus user/PractitionerRole.cruds user/ResearchStudy.rs user/Device.cruds'

const askedOf = (
  store: Store,
  registry: Registry,
  organizations: readonly string[],
): Pick<Organizer, 'find' | 'write'> => ({
  find: async <R extends Resource>(type: R['resourceType'], query: Query, { cursor, where }: More = {}) => {
    const asked = parseSearch(registry, type, new URLSearchParams(query))
    const page = await store.search({ ...asked, cursor, ...(where && { where: and(asked.where, where) }) })
    return {
      entries: page.entries.map(({ content, versionId }) => ({
        resource: parseJson(content) as R,
        version: versionId,
      })),
      included: page.included.map(({ content }): Resource => JSON.parse(content)),
      ...(page.next === undefined ? {} : { next: page.next }),
      ...(page.total === undefined ? {} : { total: page.total }),
    }
  },
  write: async write => (await writeOrThrow(store, owned(validated(registry, write), organizations))).id,
})

const owned = (write: Write, organizations: readonly string[]): Write =>
  write.kind === 'create' ? { ...write, resource: inOneOf(write.resource, organizations) } : write

/** The same write. Throws FhirError if the result would not be valid R4. */
const validated = (registry: Registry, write: Write): Write => {
  switch (write.kind) {
    case 'create':
    case 'update':
      return { ...write, resource: requireValid(registry, write.resource) }
    case 'patch':
      return {
        ...write,
        change: async stored =>
          requireValidChange(registry, stored, withoutMadeNarrative(stored, await write.change(stored))),
      }
    case 'delete':
      return write
  }
}
