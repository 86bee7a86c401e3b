import { canonicalBase } from '../fhir/canonical.ts'
import type { Role } from '../search/expression.ts'

/** Codes of PractitionerRole that make it a membership of its organization. */
export const organizationRole = `${canonicalBase}/CodeSystem/organization-role`

/** The one code among them that is no membership: of those who read the audit records of the organization. */
export const privacyOfficer = 'privacy-officer'

/** The extension that says why somebody other than the patient made a Consent inactive. */
export const inactivationReason = `${canonicalBase}/StructureDefinition/inactivation-reason`

/** The code system of decisions about a Consent. */
export const consentDecision = `${canonicalBase}/CodeSystem/consent-decision`

/** The code system of the reasons for which the server itself ends a Consent. */
export const consentEnd = `${canonicalBase}/CodeSystem/consent-end`

/** The code system of what became of an app's request for access. */
export const appGrant = `${canonicalBase}/CodeSystem/app-grant`

/** A code of `organizationRole`. */
export type OrganizationRole = Role | typeof privacyOfficer

export const rankOf: Readonly<Record<Role, number>> = { viewer: 1, member: 2, manager: 3 }
