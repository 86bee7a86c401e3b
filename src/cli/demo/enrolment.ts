import type { Consent } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { type Answer, type Grantee, type Participant, participants, requested, type Source, sources } from './cast.ts'
import { toConsent } from './consent.ts'
import type { FhirClient } from './fhir-client.ts'
import { emailOf, type StudyKey, studies } from './staff.ts'
import { type SignIn, scopes } from './tokens.ts'
import type { Enrolled, Ids } from './world.ts'

/** Everybody is registered and invited, and answers. */
export const enrolParticipants = async (signIn: SignIn, ids: Ids, now: number): Promise<readonly Enrolled[]> => {
  const inviters = {
    coordinator: await signIn.colleague('coordinator', scopes.setUp),
    recruiter: await signIn.colleague('recruiter', scopes.setUp),
  }
  const enrolled: Enrolled[] = []
  for (const person of participants) {
    const { id: patient } = await inviters[person.home === 'riverside' ? 'coordinator' : 'recruiter'].create(
      toPatient(person, ids),
    )
    const self = await signIn.patient(patient, scopes.patient)
    const known = { person, patient, ids, now }
    const consents = new Map<Grantee, string>()
    for (const answer of person.answers) {
      const { to } = answer
      const proposed = to === 'clinician' ? undefined : await invite(inviters[studies[to].invitedBy], to, known)
      consents.set(to, await decide(self, proposed, answer, known))
    }
    enrolled.push({ person, patient, devices: await connectDevices(self, person, patient, ids), consents })
  }
  return enrolled
}

type Known = {
  readonly person: Participant
  readonly patient: string
  readonly ids: Ids
  readonly now: number
}

/** Includes everything that an invitation needs, so that each can be invited from the pages. */
const toPatient = (person: Participant, { organizations }: Ids) => ({
  resourceType: 'Patient' as const,
  active: true,
  name: [{ given: [person.given], family: person.family }],
  gender: person.gender,
  birthDate: birthDateOf(person),
  telecom: [{ system: 'email' as const, value: emailOf(person) }],
  managingOrganization: {
    reference: `Organization/${person.home === 'riverside' ? organizations.metabolic : organizations.northlake}`,
  },
})

export const birthDateOf = ({ number, birthYear }: Participant): string =>
  `${birthYear}-${twoDigits(1 + (number % 12))}-${twoDigits(1 + ((number * 7) % 28))}`

const twoDigits = (number: number): string => String(number).padStart(2, '0')

/** A place in the study, with a code, and a Consent that asks for everything that the study wants. */
const invite = async (inviter: FhirClient, study: StudyKey, { person, patient, ids, now }: Known): Promise<string> => {
  await inviter.create({
    resourceType: 'ResearchSubject',
    extension: [
      { url: extensions.gender, valueCode: person.gender },
      { url: extensions.birthYear, valueDate: String(person.birthYear) },
    ],
    identifier: [{ system: 'https://sharewell.example/study-code', value: studyCode(study, person) }],
    status: 'candidate',
    study: { reference: `ResearchStudy/${ids.studies[study]}` },
    individual: { reference: `Patient/${patient}` },
  })
  const { id } = await inviter.create(
    toConsent(person, { to: study, permits: requested[study] }, { patient, ids, now }),
  )
  return id
}

const studyCode = (study: StudyKey, { number }: Participant): string =>
  `${studies[study].letter}-${String((number * 37) % 1000).padStart(3, '0')}`

/** Only the patient says yes or no; without an invitation, it is the patient who begins. */
const decide = async (
  self: FhirClient,
  proposed: string | undefined,
  { to, answer, permits }: Answer,
  { person, patient, ids, now }: Known,
): Promise<string> => {
  const consent: Consent = {
    ...toConsent(person, { to, permits }, { patient, ids, now }),
    status: answer === 'withdrawn' ? 'active' : answer,
  }
  if (proposed === undefined) return (await self.create(consent)).id
  if (answer !== 'proposed') await self.update({ ...consent, id: proposed })
  return proposed
}

/** The person's own devices, each as part of its source. */
const connectDevices = async (
  self: FhirClient,
  { given, wears }: Participant,
  patient: string,
  ids: Ids,
): Promise<Enrolled['devices']> => {
  const made: [Source, string][] = []
  for (const source of wears) {
    const { id } = await self.create({
      resourceType: 'Device',
      patient: { reference: `Patient/${patient}` },
      parent: { reference: `Device/${ids.sources[source]}` },
      deviceName: [{ name: `${given}'s ${sources[source].model}`, type: 'user-friendly-name' }],
    })
    made.push([source, id])
  }
  return Object.fromEntries(made) as Enrolled['devices']
}
