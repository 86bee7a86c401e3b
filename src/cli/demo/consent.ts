import type { CodeableConcept, Consent, ConsentProvision } from '@medplum/fhirtypes'
import { givenToStudy } from '../../access/consent-study.ts'
import { systems } from '../../fhir/canonical.ts'
import { type Answer, kindOf, measures, type Participant, type Permission } from './cast.ts'
import { localTime } from './document.ts'
import { permittedFrom } from './expected.ts'
import { sourceOf } from './patient-text.ts'
import type { Ids } from './world.ts'

/** One Consent for each person and grantee; each permit is one kind of data, from one source or from any. */
export const toConsent = (
  person: Participant,
  { to, permits }: Pick<Answer, 'to' | 'permits'>,
  { patient, ids, now }: { readonly patient: string; readonly ids: Ids; readonly now: number },
): Consent => ({
  resourceType: 'Consent',
  status: 'proposed',
  scope: concept(`${terminology}/consentscope`, to === 'clinician' ? 'patient-privacy' : 'research'),
  category: [concept(systems.loinc, '59284-0')],
  patient: {
    reference: `Patient/${patient}`,
    // The clinician is not told otherwise who it is.
    ...(to === 'clinician' && { display: `${person.given} ${person.family}` }),
  },
  dateTime: new Date(now).toISOString(),
  ...(to === 'clinician' ? {} : sourceOf(to)),
  policyRule: concept(systems.consentPolicy, 'deny-unless-permitted'),
  provision: givenBy(to, ids, {
    type: 'deny',
    provision: permits.map(permission => toProvision(person, permission, to, ids, now)),
  }),
})

const terminology = 'http://terminology.hl7.org/CodeSystem'

const givenBy = (to: Answer['to'], { studies }: Ids, provision: ConsentProvision): ConsentProvision =>
  to === 'clinician' ? provision : givenToStudy(studies[to], provision)

const toProvision = (
  person: Participant,
  permission: Permission,
  to: Answer['to'],
  ids: Ids,
  now: number,
): ConsentProvision => {
  const { measure, source } = permission
  return {
    type: 'permit',
    actor: [{ role: concept(`${terminology}/v3-ParticipationType`, 'IRCP'), reference: recipientOf(to, ids) }],
    action: [concept(`${terminology}/consentaction`, 'access')],
    purpose: [{ system: `${terminology}/v3-ActReason`, code: to === 'clinician' ? 'TREAT' : 'HRESCH' }],
    code: [{ ...concept(systems.omh, kindOf(measure)), text: measures[measure].display }],
    ...(source === undefined
      ? {}
      : { data: [{ meaning: 'instance', reference: { reference: `Device/${ids.sources[source]}` } }] }),
    dataPeriod: { start: localTime(person, permittedFrom(person, permission, now)) },
  }
}

const recipientOf = (to: Answer['to'], { studyOrganizations, colleagues }: Ids) => ({
  reference: to === 'clinician' ? `Practitioner/${colleagues.clinician}` : `Organization/${studyOrganizations[to]}`,
})

export const concept = (system: string, code: string): CodeableConcept => ({ coding: [{ system, code }] })
