import type { Device } from '@medplum/fhirtypes'
import { deviceName } from '../../studies/own-record.ts'

/** A source of data. Which kinds it gives is said by studies, and not by itself. */
export const toDataSource = (device: Device) => ({
  id: device.id,
  name: deviceName(device),
  type: 'personal_device',
  supportedScopes: [],
})
