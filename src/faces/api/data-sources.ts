import type { Device } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { deliveredKinds } from '../../studies/definition/source.ts'
import { deviceName } from '../../studies/display-name.ts'
import { toScopeCode } from './codes.ts'

/** A source of data, with the kinds that it delivers according to administrators. */
export const toDataSource = (device: Device, classes: CodeClasses) => ({
  id: device.id,
  name: deviceName(device),
  type: 'personal_device',
  supportedScopes: deliveredKinds(device, classes).map(kind => toScopeCode(kind, classes)),
})
