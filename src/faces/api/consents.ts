import type { Device, Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { readConsent } from '../../access/consent.ts'
import { isBefore } from '../../fhir/date.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { Expression } from '../../search/expression.ts'
import { type StudyAsked, toStudyAsked } from '../../studies/consent/own-study.ts'
import { textVersions } from '../../studies/consent/patient-text.ts'
import { runsNow } from '../../studies/consent/runs-now.ts'
import { type Asking, kindOfCaller } from './asking.ts'
import { toScopeCode } from './codes.ts'
import { toDataSource } from './data-sources.ts'
import { ownPatient, presentPatient } from './patients.ts'
import { presentStudy } from './studies.ts'

/** What a patient has answered to each study that asks them, and what they have not answered. */
export const presentConsents = async (asking: Asking, id: string, classes: CodeClasses) => {
  const patient = await patientAsked(asking, id)
  // Throws FhirError without a scope for Consents, as `studiesAsking` does for studies: otherwise it would look as if nothing were asked or answered.
  await asking.search('Consent', { patient: `Patient/${id}`, _count: '1' })
  const studies = await Promise.all(
    (await studiesAsking(asking, id, classes)).map(one => toAnswers(asking, one, classes)),
  )
  const given = studies.flatMap(({ isEnrolled, scopeConsents }) =>
    scopeConsents.filter(({ consented }) => isEnrolled && consented === true),
  )
  return {
    patient: await presentPatient(asking, patient),
    consolidatedConsentedScopes: [...new Map(given.map(({ code }) => [code.id, code])).values()],
    studiesPendingConsent: studies.flatMap(({ isAnswered, isEnrolled: _, isAsking, scopeConsents, ...study }) =>
      !isAnswered && isAsking ? [{ ...study, pendingScopeConsents: scopeConsents }] : [],
    ),
    studies: studies.flatMap(({ isAnswered, isEnrolled: _, isAsking: __, ...study }) => (isAnswered ? [study] : [])),
  }
}

/** The caller, if they are the patient, or else a patient whom they may read. */
const patientAsked = async (asking: Asking, id: string): Promise<Patient> => {
  const own = kindOfCaller(asking.caller) === 'patient' ? await ownPatient(asking) : undefined
  return own?.id === id ? own : asking.read<Patient>('Patient', id)
}

/**
 * The studies of which the caller may know that they ask the patient, with the current Consent as far as they may read it.
 * Throws FhirError without a scope for what names them.
 */
export const studiesAsking = async (
  asking: Asking,
  patient: string,
  codeClasses: CodeClasses,
): Promise<readonly StudyAsked[]> => {
  const record = asking.record(patient)
  const studies = await studiesOf(asking, patient)
  const inPlace = await record.find<ResearchStudy>('ResearchStudy', { _count: '1000' }, inPlaceOf(patient))
  const words = wordsFor('en')
  return Promise.all(
    studies.map(study => {
      const isEnrolled = inPlace.some(({ id }) => id === study.id)
      const own = {
        deleted: undefined,
        sharings: [],
        signed: undefined,
        isEnrolled,
        isToCome: false,
        ...runsNow(study),
      }
      return toStudyAsked({ codeClasses }, { study, record, words, own })
    }),
  )
}

const inPlaceOf = (patient: string): Expression => ({ kind: 'invited', patient, now: true })

const studiesOf = async ({ caller, list }: Asking, patient: string): Promise<readonly ResearchStudy[]> => {
  if (kindOfCaller(caller) === 'patient') return list<ResearchStudy>('ResearchStudy', {})
  const enrolled = await list<ResearchSubject>('ResearchSubject', { patient: `Patient/${patient}` })
  const ids = [...new Set(enrolled.flatMap(({ study }) => namedId(study, 'ResearchStudy') ?? []))]
  return ids.length === 0 ? [] : list<ResearchStudy>('ResearchStudy', { _id: ids.join(',') })
}

const toAnswers = async (asking: Asking, asked: StudyAsked, classes: CodeClasses) => {
  const status = asked.consent?.status
  const shared = kindsShared(asked, classes)
  const isAnswered = status !== undefined && status !== 'proposed'
  const { isEnrolled } = asked
  return {
    ...(await presentStudy(asking, asked.study)),
    dataSources: await sourcesOf(asking, asked, classes),
    textVersions: textVersions(asked),
    isAnswered,
    isEnrolled,
    isAsking: isEnrolled && asked.isInForce && !asked.isClosed && !asked.isUnfinished,
    scopeConsents: [...new Set([...kindsOf(asked), ...shared])].map(kind => ({
      code: toScopeCode(kind, classes),
      consented: isAnswered ? shared.has(kind) : null,
      consentedTime: isAnswered ? (asked.consent?.meta?.lastUpdated ?? null) : null,
    })),
  }
}

/** Each kind that is asked for, once, whatever its sources. */
export const kindsOf = ({ lines }: StudyAsked): readonly string[] => [...new Set(lines.map(({ kind }) => kind))]

/** The kinds that are given from any source, in whatever way the Consent says so. */
export const kindsShared = ({ consent }: Pick<StudyAsked, 'consent'>, classes: CodeClasses): ReadonlySet<string> => {
  // The existing sources only matter for what a deny leaves, and for no kind as a whole.
  const terms = consent?.status === 'active' ? readConsent(consent, { classes, isSource: () => true }) : undefined
  const now = new Date().toISOString()
  return new Set((terms?.permits ?? []).filter(({ valid }) => isBefore(now, valid.high)).map(({ kind }) => kind))
}

const sourcesOf = async ({ listAllowed }: Asking, { lines }: StudyAsked, classes: CodeClasses) => {
  const ids = [...new Set(lines.flatMap(({ source }) => source ?? []))]
  const sources = ids.length === 0 ? [] : await listAllowed<Device>('Device', { _id: ids.join(',') })
  return sources.map(one => toDataSource(one, classes))
}
