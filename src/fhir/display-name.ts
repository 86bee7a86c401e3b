import type { Device, HumanName } from '@medplum/fhirtypes'

/** Empty if there is no name. A part that only has extensions is null. */
export const nameText = ({ text, given = [], family }: HumanName = {}): string =>
  text ?? [...given, family].filter(Boolean).join(' ')

/** Its name, or its manufacturer and model; undefined if it has none of them. */
export const deviceName = ({ deviceName: names = [], manufacturer, modelNumber }: Device): string | undefined =>
  names[0]?.name ?? ([manufacturer, modelNumber].filter(Boolean).join(' ') || undefined)

/** The same for a list in which each Device needs a text. */
export const deviceNameOrId = (device: Device): string => deviceName(device) ?? device.id ?? ''
