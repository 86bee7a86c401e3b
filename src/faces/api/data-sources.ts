import type { Device } from '@medplum/fhirtypes'
import { deviceNameOrId } from '../../fhir/display-name.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { deliveredKinds } from '../../studies/definition/source.ts'
import { toScopeCode } from './codes.ts'

/** A source of data, with the kinds that it delivers according to administrators. */
export const toDataSource = (device: Device, classes: CodeClasses) => ({
  id: device.id,
  name: deviceNameOrId(device),
  type: 'personal_device',
  supportedScopes: deliveredKinds(device, classes).map(kind => toScopeCode(kind, classes)),
})
