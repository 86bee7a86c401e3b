import type { Device, ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf } from '../../fhir/extension.ts'

/** The code of the validation policy that is set for a data source or a study; undefined if none is. */
export const policyOf = (resource: Device | ResearchStudy): string | undefined =>
  extensionOf(resource, extensions.validationPolicy)?.valueCode

/** The resource with another policy, or with none. */
export const withPolicy = <R extends Device | ResearchStudy>(resource: R, policy: string | undefined): R => {
  const { extension = [], ...rest } = resource
  const others = extension.filter(({ url }) => url !== extensions.validationPolicy)
  const all = policy === undefined ? others : [...others, { url: extensions.validationPolicy, valueCode: policy }]
  return (all.length === 0 ? rest : { ...rest, extension: all }) as R
}
