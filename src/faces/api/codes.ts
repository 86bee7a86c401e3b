import { resourceTypes, typeOfKind } from '../../access/shared-type.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { codingOf } from '../../studies/definition/kind-coding.ts'
import { displayOf } from '../../studies/definition/study-request.ts'

/** A kind of data with the code that today's clients know, which includes the version; a whole type of resources with its own code. */
export const toScopeCode = (kind: string, classes: CodeClasses) => {
  const type = typeOfKind(kind)
  const { system, code } = type === undefined ? codingOf(kind, classes) : { system: resourceTypes, code: type }
  const version = versions[kind]
  return {
    id: kind,
    codingSystem: system ?? null,
    codingCode: version === undefined ? code : `${code}:${version}`,
    text: displayOf(kind, classes),
  }
}

/** The versions that the JupyterHealth Exchange and its client come with. */
const versions: Readonly<Record<string, string>> = {
  'omh:blood-glucose': '4.0',
  'omh:blood-pressure': '4.0',
  'omh:body-temperature': '4.0',
  'omh:heart-rate': '2.0',
  'omh:oxygen-saturation': '2.0',
  'omh:respiratory-rate': '2.0',
  'omh:rr-interval': '1.0',
  'omh:body-weight': '3.0',
  'omh:forced-vital-capacity': '1.0',
  'omh:forced-expiratory-volume-1-second': '1.0',
  'omh:physical-activity': '1.2',
  'omh:step-count': '3.0',
  'omh:sleep-episode': '1.1',
  'omh:sleep-duration': '2.0',
  'ieee:sleep-stage-summary': '1.0',
  'ieee:food-entry': '0.1',
}
