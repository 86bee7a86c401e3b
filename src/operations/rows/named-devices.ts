import type { Device } from '@medplum/fhirtypes'
import { deviceName } from '../../fhir/display-name.ts'
import { namedId, parseReference } from '../../fhir/reference.ts'
import { devicesOf, sourcesOf } from '../sources.ts'
import type { Reading, readingRows } from './reading-rows.ts'

export type NamedDevices = {
  /** Asks for those that these readings name, and that it does not know yet. */
  readonly learn: (readings: readonly Reading[]) => Promise<void>
  readonly nameDevice: Parameters<typeof readingRows>[1]['nameDevice']
}

/** The names of devices in tables of readings: a device without one is called by its source of data. */
export const openNamedDevices = (asked: Parameters<typeof sourcesOf>[0]): NamedDevices => {
  const known = new Map<string, string | undefined>()
  return {
    learn: async readings => {
      const unknown = readings.flatMap(deviceIn).filter(id => !known.has(id))
      const devices = await devicesOf(asked, new Set(unknown))
      const parentOf = (device: Device) =>
        deviceName(device) === undefined ? namedId(device.parent, 'Device') : undefined
      const sources = await sourcesOf(asked, new Set([...devices.values()].flatMap(one => parentOf(one) ?? [])))
      for (const [id, device] of devices)
        known.set(id, deviceName(device) ?? sources.get(parentOf(device) ?? '')?.display)
    },
    nameDevice: reference => known.get(idIn(reference) ?? ''),
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
