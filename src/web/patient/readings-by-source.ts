import type { Device } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Reading } from '../../operations/rows/reading-rows.ts'
import { sourcesOf } from '../../operations/sources.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'

type Asked = { readonly registry: Registry; readonly store: Store }

/** The readings with their source of data in the place of the device itself, whose name may say to whom it belongs. */
export const readingsBySource = async (asked: Asked, readings: readonly Reading[]): Promise<readonly Reading[]> => {
  const sourceIds = await sourceIdsOf(
    asked,
    readings.flatMap(({ device }) => namedId(device, 'Device') ?? []),
  )
  const sources = await sourcesOf(asked, new Set(sourceIds.values()))
  return readings.map(({ device, contained: _, ...reading }) => {
    const display = sources.get(sourceIds.get(namedId(device, 'Device') ?? '') ?? '')?.display
    return { ...reading, ...(display !== undefined && { device: { display } }) }
  })
}

/** By the ids of those Devices that the reader may see. A Device without a patient is itself a source. */
const sourceIdsOf = async (
  { registry, store }: Asked,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (ids.length === 0) return new Map()
  const query = new URLSearchParams({
    _id: [...new Set(ids)].slice(0, mostDevices).join(','),
    _count: `${mostDevices}`,
  })
  const { entries } = await store.search(parseSearch(registry, 'Device', query))
  return new Map(
    entries.map(({ id, content }) => {
      const { patient, parent }: Device = JSON.parse(content)
      return [id, patient === undefined ? id : (namedId(parent, 'Device') ?? '')]
    }),
  )
}

const mostDevices = 100
