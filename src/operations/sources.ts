import type { Device } from '@medplum/fhirtypes'
import { deviceName } from '../fhir/display-name.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Store } from '../storage/store.ts'

/** A Reference to a source Device, with its name. */
export type Source = { readonly reference: string; readonly display?: string }

type Asked = { readonly registry: Registry; readonly store: Pick<Store, 'search'> }

/** Those of the Devices that the caller may search, by id. */
export const sourcesOf = async (asked: Asked, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, Source>> =>
  new Map(
    [...(await devicesOf(asked, ids))].map(([id, device]) => {
      const display = deviceName(device)
      return [id, { reference: `Device/${id}`, ...(display === undefined ? {} : { display }) }]
    }),
  )

/** The Devices themselves, likewise. */
export const devicesOf = async (
  { registry, store }: Asked,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Device>> => {
  if (ids.size === 0) return new Map()
  const asked = [...ids].slice(0, mostSources)
  const query = new URLSearchParams({ _id: asked.join(','), _count: String(mostSources) })
  const { entries } = await store.search(parseSearch(registry, 'Device', query))
  return new Map(entries.map(({ id, content }) => [id, JSON.parse(content)]))
}

const mostSources = 100
