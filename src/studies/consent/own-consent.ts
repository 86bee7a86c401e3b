import type { Consent, ConsentProvision, ConsentProvisionActor } from '@medplum/fhirtypes'
import { givenToStudy } from '../../access/consent-study.ts'
import { isOfTime, typeOfKind } from '../../access/shared-type.ts'
import { systems } from '../../fhir/canonical.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../../storage/database.ts'
import { isStanding as stands } from '../../storage/model/consent/consent-open.ts'
import { whyEndedByJoining } from '../../storage/model/consent/left-consents.ts'
import type { Write } from '../../storage/store.ts'
import { findStudyVersion } from '../../storage/study/study-version.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { answersTo } from './own-answer.ts'
import type { OwnRecord } from './own-record.ts'
import type { AskedLine, StudyAsked } from './own-study.ts'
import { type Signed, signAnswer } from './sign-answer.ts'

/** What the patient chose for a line. `from` and `until` are as in a Period; empty means from now on, and without an end. */
export type Choice = {
  readonly line: AskedLine
  readonly shares: boolean
  readonly from: string
  readonly until: string
}

type Signing = {
  readonly hash: string
  readonly language: string
  /** The name as it was typed; absent as long as nothing is signed. */
  readonly name?: string
}

/**
 * Signs what was chosen, under the text that was shown on a page in that language. If another answer was given meanwhile, that one stands and
 * nothing is signed (`overtaken`); nor is anything if the study was written since it was read (`changed`).
 */
export const signConsent = async (asked: StudyAsked, choices: readonly Choice[], signing: Signing): Promise<Signed> => {
  const { study, record, consent } = asked
  return signAnswer(record, {
    write: signingOf(asked, choices, signing),
    before: consent,
    answersOf: within => answersTo(within, study.id ?? ''),
    isChanged: (_, connection) => isStudyChanged(asked, connection),
  })
}

/** Whether it was written since it was read. */
const isStudyChanged = async ({ study }: StudyAsked, connection: Connection): Promise<boolean> =>
  (await findStudyVersion(connection, study.id ?? '')) !== study.meta?.versionId

/** The write by which it is signed. */
export const signingOf = (asked: StudyAsked, choices: readonly Choice[], { name, hash, language }: Signing): Write => {
  const { consent: before } = asked
  const now = new Date().toISOString()
  const permits = choices.filter(({ shares }) => shares).map(choice => permitOf(asked, choice, now))
  const draft = newConsent(asked, now)
  const resource: Consent = {
    ...draft,
    language,
    status: 'active',
    sourceAttachment: { ...sourceOf(asked), hash },
    provision: { ...draft.provision, provision: permits },
  }
  const signedAs = name === undefined ? {} : { signedAs: name }
  return isStanding(before)
    ? { ...replacing(before, resource), ...signedAs }
    : { kind: 'create', resource, ...signedAs }
}

/** Refuses what is asked, or ends what was given. */
export const declineConsent = async (asked: StudyAsked): Promise<void> => {
  const { record, consent: before } = asked
  if (before?.status === 'active') return write(record, replacing(before, { ...before, status: 'inactive' }))
  if (before === undefined ? asked.deleted !== undefined : isRefusal(before)) return
  const now = new Date().toISOString()
  const resource: Consent = { ...newConsent(asked, now), status: 'rejected' }
  await write(record, isStanding(before) ? replacing(before, resource) : { kind: 'create', resource })
}

/** Whether somebody said no, or stopped sharing: a Consent that ended because two records were joined was refused by nobody. */
export const isRefusal = (consent: Consent): boolean =>
  consent.status === 'rejected' || (consent.status === 'inactive' && whyEndedByJoining(consent) === undefined)

/** Whether there is one, and it is proposed or active. */
export const isStanding = (consent: Consent | undefined): consent is Consent => consent !== undefined && stands(consent)

/** The next version of exactly this one: refused if it was changed meanwhile. */
export const replacing = ({ id = '', meta }: Consent, resource: Consent) =>
  ({
    kind: 'update',
    id,
    resource: { ...resource, id },
    ...(meta?.versionId === undefined ? {} : { ifMatch: meta.versionId }),
  }) as const

export const write = async ({ store }: OwnRecord, one: Write): Promise<void> => {
  await writeOrThrow(store, one)
}

/** A Consent that gives nothing yet. If one stands already, it is for the same patient: a Consent stays with the record by which it was given. */
export const newConsent = (
  { study, record, consent }: Pick<StudyAsked, 'study' | 'record' | 'consent'>,
  now: string,
) => ({
  resourceType: 'Consent' as const,
  scope: { coding: [{ system: `${terminology}/consentscope`, code: 'research' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: (isStanding(consent) && consent.patient) || { reference: `Patient/${record.patient}` },
  dateTime: now,
  policyRule: { coding: [{ system: systems.consentPolicy, code: 'deny-unless-permitted' }] },
  provision: givenToStudy(study.id ?? '', { type: 'deny' }),
})

export const sourceOf = ({ text }: StudyAsked): NonNullable<Consent['sourceAttachment']> => {
  const { contentType, language, title } = text?.attachment ?? {}
  return { ...(contentType && { contentType }), ...(language && { language }), ...(title && { title }) }
}

export const permitOf = ({ organization }: StudyAsked, choice: Choice, now: string): ConsentProvision =>
  permitTo({ recipient: { reference: `Organization/${organization.id}` }, purpose: 'HRESCH' }, choice, now)

type Receiving = { readonly recipient: ConsentProvisionActor['reference']; readonly purpose: 'HRESCH' | 'TREAT' }

/** It begins at `now` unless something else was chosen. A type without a time gets no period, since no period would cover it. */
export const permitTo = ({ recipient, purpose }: Receiving, choice: Choice, now: string): ConsentProvision => {
  const { line, from, until } = choice
  const concept = extensionOf(line.extension, 'kind')?.valueCodeableConcept
  const coding = extensionOf(line.extension, 'class')?.valueCoding
  return {
    type: 'permit',
    actor: [
      {
        role: { coding: [{ system: `${terminology}/v3-ParticipationType`, code: 'IRCP' }] },
        reference: recipient,
      },
    ],
    action: [{ coding: [{ system: `${terminology}/consentaction`, code: 'access' }] }],
    purpose: [{ system: `${terminology}/v3-ActReason`, code: purpose }],
    ...(typeOfKind(line.kind) === undefined ? { code: concept ? [concept] : [] } : { class: coding ? [coding] : [] }),
    ...(line.source === undefined
      ? {}
      : { data: [{ meaning: 'instance', reference: { reference: `Device/${line.source}` } }] }),
    ...(isOfTime(line.kind) ? { dataPeriod: { start: from || now, ...(until === '' ? {} : { end: until }) } } : {}),
  }
}

/**
 * What the Consent permits of the line, whether or not it is in force, with the id of the source of each; of a line from any source also those to
 * which it was narrowed.
 */
export const permitsOfLine = (
  consent: Consent | undefined,
  line: AskedLine,
): readonly { readonly permit: ConsentProvision; readonly source: string | undefined }[] => {
  const asked = JSON.stringify(
    extensionOf(line.extension, 'kind')?.valueCodeableConcept?.coding ??
      extensionOf(line.extension, 'class')?.valueCoding,
  )
  return (consent?.provision?.provision ?? []).flatMap(permit => {
    const { type, code, class: classes, data } = permit
    const source = namedId(data?.[0]?.reference, 'Device')
    const isOfLine = line.source === undefined || source === line.source
    return type === 'permit' && isOfLine && JSON.stringify(code?.[0]?.coding ?? classes?.[0]) === asked
      ? { permit, source }
      : []
  })
}

const terminology = 'http://terminology.hl7.org/CodeSystem'
