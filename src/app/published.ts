import { isDeepStrictEqual } from 'node:util'
import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { OpenStoreAs } from '../accounts/person.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { kindValueSets } from '../fhir/measured/kind-value-set.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Store, Write } from '../storage/store.ts'

type Parts = { readonly registry: Registry; readonly codeClasses: CodeClasses; readonly openStoreAs: OpenStoreAs }

/**
 * Makes what this server publishes (`fhir-profiles/`, and a ValueSet for each kind of data) resources like any other, so that whoever meets one of
 * its URLs finds it with `StructureDefinition?url=…`. Only what is missing or has changed is written. Where an administrator has stored a
 * definition of their own with such a URL, theirs counts, and ours is left as it is.
 */
export const publishDefinitions = async ({ registry, codeClasses, openStoreAs }: Parts): Promise<void> => {
  const store = openStoreAs({ principal: { kind: 'client', id: 'server' } })
  const published = [...registry.published, ...kindValueSets(codeClasses)] as unknown as readonly Published[]
  const writes: Write[] = []
  for (const [type, ofType] of Map.groupBy(published, ({ resourceType }) => resourceType))
    writes.push(...(await writesOf(store, registry, type, ofType)))
  if (writes.length === 0) return
  const written = await store.write(writes)
  const refused = written.flatMap(one => (one.outcome === 'refused' ? [one.error] : []))
  // Another server, which starts at the same moment, may have written the same.
  const [error] = refused.filter(({ status }) => status !== 409)
  if (error !== undefined) throw error
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
  return published.flatMap((resource): readonly Write[] => {
    const [own, ...others] = stored.get(resource.url) ?? []
    const { id } = resource
    if (own === undefined) return [{ kind: 'create', id, resource }]
    const isOurs = others.length === 0 && own.id === id
    return isOurs && !isSame(own, resource) ? [{ kind: 'update', id, resource }] : []
  })
}

/** The store adds `meta`, and nothing else. */
const isSame = ({ meta: _, ...stored }: Published, published: Published): boolean =>
  isDeepStrictEqual(stored, published)
