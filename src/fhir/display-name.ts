import type { Device, HumanName } from '@medplum/fhirtypes'
import { isBlank } from './blank.ts'

/** Empty if there is no name, or none that can be seen. A part that only has extensions is null. */
export const nameText = ({ text, given = [], family }: HumanName = {}): string =>
  visibleName(text) ?? visibleName([...given, family].filter(Boolean).join(' ')) ?? ''

/** Undefined for one of which nothing can be seen: whoever has it is told of as somebody without a name. */
export const visibleName = (name: string | undefined): string | undefined =>
  name === undefined || isBlank(name) ? undefined : name

/** Its name, or its manufacturer and model; undefined if it has none of them. */
export const deviceName = ({ deviceName: names = [], manufacturer, modelNumber }: Device): string | undefined =>
  names[0]?.name ?? ([manufacturer, modelNumber].filter(Boolean).join(' ') || undefined)

/** The same for a list in which each Device needs a text. */
export const deviceNameOrId = (device: Device): string => deviceName(device) ?? device.id ?? ''
