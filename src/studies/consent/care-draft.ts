import type { Consent, ConsentProvisionActor } from '@medplum/fhirtypes'
import type { ConsentGrantee } from '../../access/consent.ts'
import { systems } from '../../fhir/canonical.ts'
import type { OwnRecord } from './own-record.ts'

/** With whom somebody shares for their care, without a study. */
export type Carer = ConsentGrantee & { readonly kind: 'organization' | 'practitioner' }

/** A Consent that gives nothing yet, and is given to no study. */
export const careDraft = (record: Pick<OwnRecord, 'patient'>, carer: Carer, now: string) => ({
  resourceType: 'Consent' as const,
  scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${record.patient}` } as Consent['patient'] & object,
  dateTime: now,
  policyRule: { coding: [{ system: systems.consentPolicy, code: 'deny-unless-permitted' }] },
  provision: {
    type: 'deny' as const,
    actor: [
      {
        role: { coding: [{ system: `${terminology}/v3-ParticipationType`, code: 'IRCP' }] },
        reference: referenceTo(carer),
      },
    ],
  },
})

export const referenceTo = ({ kind, id }: Carer): ConsentProvisionActor['reference'] => ({
  reference: `${kind === 'organization' ? 'Organization' : 'Practitioner'}/${id}`,
})

const terminology = 'http://terminology.hl7.org/CodeSystem'
