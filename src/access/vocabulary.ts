import { canonicalBase } from '../fhir/canonical.ts'
import type { Role } from '../search/expression.ts'

/** Codes of PractitionerRole that make it a membership of its organization. */
export const organizationRole = `${canonicalBase}/CodeSystem/organization-role`

/** The code among them that is no membership: who reads what is recorded of what happened in the organization. */
export const privacyOfficer = 'privacy-officer'

/** Why a Consent was made inactive by somebody else than the patient. */
export const inactivationReason = `${canonicalBase}/StructureDefinition/inactivation-reason`

/** The code system of what was decided of a Consent. */
export const consentDecision = `${canonicalBase}/CodeSystem/consent-decision`

/** The code system of why the server itself ended a Consent, in its reason. */
export const consentEnd = `${canonicalBase}/CodeSystem/consent-end`

/** The code system of what became of what an app asked for. */
export const appGrant = `${canonicalBase}/CodeSystem/app-grant`

export const rankOf: Readonly<Record<Role, number>> = { viewer: 1, member: 2, manager: 3 }
