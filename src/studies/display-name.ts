import type { Device, Practitioner } from '@medplum/fhirtypes'

export const practitionerName = ({ name: [first] = [] }: Practitioner): string =>
  first?.text ?? [...(first?.given ?? []), first?.family].filter(part => part !== undefined).join(' ')

export const deviceName = ({ deviceName: [first] = [], modelNumber, manufacturer, id = '' }: Device): string =>
  first?.name ?? modelNumber ?? manufacturer ?? id
