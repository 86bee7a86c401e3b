import type { Consent } from '@medplum/fhirtypes'
import { systems } from '../../src/fhir/canonical.ts'

type Given = {
  /** `Practitioner/…` or `Organization/…`. */
  readonly to: string
  readonly kinds: readonly string[]
  /** What the patient is called in it. */
  readonly display?: string
  /** Id of the Device from which alone it is given. */
  readonly source?: string
  readonly until?: string
}

/** What a patient gives for their treatment, of everything that was ever measured, and to no study. */
export const clinicalConsent = (patient: string, { to, kinds, display, source, until }: Given): Consent => ({
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${patient}`, ...(display !== undefined && { display }) },
  dateTime: new Date().toISOString(),
  policyRule: { coding: [{ system: systems.consentPolicy, code: 'deny-unless-permitted' }] },
  provision: {
    type: 'deny',
    ...(until !== undefined && { period: { end: until } }),
    provision: kinds.map(code => ({
      type: 'permit' as const,
      actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: to } }],
      action: [{ coding: [{ code: 'access' }] }],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }],
      code: [{ coding: [{ system: systems.omh, code }] }],
      ...(source !== undefined && {
        data: [{ meaning: 'instance' as const, reference: { reference: `Device/${source}` } }],
      }),
      dataPeriod: { start: '2000-01-01' },
    })),
  },
})
