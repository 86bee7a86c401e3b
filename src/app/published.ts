import { isDeepStrictEqual } from 'node:util'
import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { OpenStoreAs } from '../accounts/person.ts'
import { FhirError } from '../fhir/error.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { kindValueSets } from '../fhir/measured/kind-value-set.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import { sql } from '../storage/sql.ts'
import type { Store, Write } from '../storage/store.ts'

type Parts = { readonly registry: Registry; readonly codeClasses: CodeClasses; readonly openStoreAs: OpenStoreAs }

/**
 * Makes what this server publishes (`fhir-profiles/`, and a ValueSet for each kind of data) resources like any other, so that whoever meets one of
 * its URLs finds it with `StructureDefinition?url=…`. Only what is missing or has changed is written. What administrators have done counts: ours is
 * left alone where a definition of theirs has its URL, where its id is taken, and where it was deleted.
 */
export const publishDefinitions = async ({ registry, codeClasses, openStoreAs }: Parts): Promise<void> => {
  const published = [...registry.published, ...kindValueSets(codeClasses)] as unknown as readonly Published[]
  await openStoreAs({ principal: { kind: 'client', id: 'server' } }).atomic(async (store, connection) => {
    // Several servers may start at the same moment: the others find what the first has written.
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('publish_definitions'))`)
    const writes: Write[] = []
    for (const [type, ofType] of Map.groupBy(published, ({ resourceType }) => resourceType))
      writes.push(...(await writesOf(store, registry, type, ofType)))
    if (writes.length === 0) return
    for (const one of await store.write(writes)) if (one.outcome === 'refused') throw one.error
  })
}

type Published = Resource & { readonly id: string; readonly url: string }

const writesOf = async (
  store: Store,
  registry: Registry,
  type: ResourceType,
  published: readonly Published[],
): Promise<readonly Write[]> => {
  const urls = published.map(({ url }) => url).join(',')
  const query = new URLSearchParams({ url: urls, _count: '1000' })
  const { entries } = await store.search(parseSearch(registry, type, query))
  const stored = Map.groupBy(
    entries.map(({ content }): Published => JSON.parse(content)),
    ({ url }) => url,
  )
  const writes: Write[] = []
  for (const resource of published) {
    const [own, ...others] = stored.get(resource.url) ?? []
    const { id } = resource
    const isOurs = others.length === 0 && own?.id === id
    if (own === undefined && (await isFree(store, resource))) writes.push({ kind: 'create', id, resource })
    else if (own !== undefined && isOurs && !isSame(own, resource)) writes.push({ kind: 'update', id, resource })
  }
  return writes
}

/** Whether nothing has, or had, this id. */
const isFree = async (store: Store, { resourceType, id }: Published): Promise<boolean> => {
  try {
    await store.read(resourceType, id)
    return false
  } catch (error) {
    if (error instanceof FhirError && [404, 410].includes(error.status)) return error.status === 404
    throw error
  }
}

/** The store adds `meta`, and nothing else. */
const isSame = ({ meta: _, ...stored }: Published, published: Published): boolean =>
  isDeepStrictEqual(stored, published)
