import { wordsIn } from './circumstances.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import { isSelfReported } from './modality.ts'

/** What a header says about the device that measured; at least one property is present. */
export type HeaderDevice = {
  readonly manufacturer?: string
  readonly model?: string
  /** The name that its source gives it. */
  readonly name?: string
  readonly serial?: string
  readonly udi?: string
}

/** Undefined if the header names no device. What people report themselves was measured by none. */
export const deviceOf = (header: JsonRecord | undefined): HeaderDevice | undefined => {
  const provenance = asRecord(header?.acquisition_provenance) ?? {}
  if (isSelfReported(header)) return undefined
  const named = asList(header?.external_datasheets).flatMap(partOf)
  const name = saidIn(provenance.source_name)
  const device = Object.fromEntries([...(name ? [['name', name]] : []), ...named])
  return Object.keys(device).length === 0 ? undefined : device
}

const partOf = (datasheet: unknown): readonly (readonly [keyof HeaderDevice, string])[] => {
  const { datasheet_type: type, datasheet_reference: reference } = asRecord(datasheet) ?? {}
  const part = partByType.get((asText(type) ?? '').toLowerCase().replace(/[^a-z]/g, ''))
  const text = saidIn(reference)
  if (part === undefined || text === undefined) return []
  // Of two devices, each with a number that cannot be written, one would be taken for the other.
  const isAltered = text !== asText(reference)?.trim()
  return numbers.has(part) && isAltered ? [] : [[part, text]]
}

const numbers: ReadonlySet<keyof HeaderDevice> = new Set(['serial', 'udi'])

const saidIn = (value: unknown): string | undefined => wordsIn(asText(value) ?? '')?.trim()

/** IEEE 1752.1 does not define these words. These are the ones in use, without spaces and underscores. */
const partByType: ReadonlyMap<string, keyof HeaderDevice> = new Map([
  ['manufacturer', 'manufacturer'],
  ['device', 'model'],
  ['model', 'model'],
  ['modelnumber', 'model'],
  ['hardware', 'model'],
  ['serial', 'serial'],
  ['serialnumber', 'serial'],
  ['udi', 'udi'],
])
