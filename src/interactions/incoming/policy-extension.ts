import type { Resource } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { validationPolicies } from '../../mhealth/policy.ts'

/** An unknown policy would have no effect, and whoever wrote it would not notice. */
export const refuseUnknownPolicy = (resource: Resource): void => {
  if (!('extension' in resource)) return
  const known: readonly unknown[] = validationPolicies
  for (const [index, { url, valueCode }] of (resource.extension ?? []).entries()) {
    if (url !== extensions.validationPolicy || known.includes(valueCode)) continue
    const message = `A validation policy is one of ${validationPolicies.join(', ')}, as valueCode`
    throw new FhirError('code-invalid', message, { expression: `${resource.resourceType}.extension[${index}]` })
  }
}
