import { parseReference } from '../../fhir/reference.ts'
import { type Source, sourcesOf } from '../sources.ts'
import type { Reading, readingRows } from './reading-rows.ts'

export type NamedDevices = {
  /** Asks for those that these readings name, and that it does not know yet. */
  readonly learn: (readings: readonly Reading[]) => Promise<void>
  readonly nameDevice: Parameters<typeof readingRows>[1]['nameDevice']
}

/** The names of devices in tables of readings. */
export const openNamedDevices = (asked: Parameters<typeof sourcesOf>[0]): NamedDevices => {
  const known = new Map<string, Source>()
  return {
    learn: async readings => {
      const unknown = readings.flatMap(deviceIn).filter(id => !known.has(id))
      for (const [id, device] of await sourcesOf(asked, new Set(unknown))) known.set(id, device)
    },
    nameDevice: reference => known.get(idIn(reference) ?? '')?.display,
  }
}

const deviceIn = ({ device }: Reading): readonly string[] => {
  const id = device?.display === undefined ? idIn(device?.reference) : undefined
  return id === undefined ? [] : [id]
}

const idIn = (reference = ''): string | undefined => {
  const parsed = parseReference(reference)
  return parsed !== undefined && 'type' in parsed && parsed.type === 'Device' ? parsed.id : undefined
}
