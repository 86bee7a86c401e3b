/** https://hl7.org/fhir/R4/valueset-organization-type.html */

import type { CodeSystem } from '@medplum/fhirtypes'
import { findPublished } from './terminology/published.ts'

export type OrganizationType = { readonly code: string; readonly display: string }

/** All types, in the order in which they are published. */
export const organizationTypes = (): readonly OrganizationType[] => {
  known ??= ((findPublished('CodeSystem', organizationTypeSystem) as CodeSystem | undefined)?.concept ?? []).map(
    ({ code, display = code }) => ({ code, display }),
  )
  return known
}
let known: readonly OrganizationType[] | undefined

export const organizationTypeSystem = 'http://terminology.hl7.org/CodeSystem/organization-type'
