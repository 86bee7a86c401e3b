import { deviceName } from '../fhir/display-name.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Store } from '../storage/store.ts'

/** A Reference to a source Device, with its name. */
export type Source = { readonly reference: string; readonly display?: string }

/** Those of the Devices that the caller may search, by id. */
export const sourcesOf = async (
  { registry, store }: { readonly registry: Registry; readonly store: Pick<Store, 'search'> },
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Source>> => {
  if (ids.size === 0) return new Map()
  const asked = [...ids].slice(0, mostSources)
  const query = new URLSearchParams({ _id: asked.join(','), _count: String(mostSources) })
  const { entries } = await store.search(parseSearch(registry, 'Device', query))
  return new Map(
    entries.map(({ id, content }) => {
      const display = deviceName(JSON.parse(content))
      return [id, { reference: `Device/${id}`, ...(display === undefined ? {} : { display }) }]
    }),
  )
}

const mostSources = 100
