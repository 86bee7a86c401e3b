import type { Binary, Consent, ResearchStudy, ResearchSubject, Resource } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { inOneOf } from '../../access/owner.ts'
import { asksForConsent } from '../../access/questions.ts'
import { inactivationReason } from '../../access/vocabulary.ts'
import type { OpenStoreAs } from '../../accounts/person.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { findClosing } from '../../storage/model/consent/accrual.ts'
import { findLastRefusal } from '../../storage/model/consent/last-refusal.ts'
import { hasPlaceSince } from '../../storage/model/consent/place-since.ts'
import { compartmentOf } from '../../storage/model/reference.ts'
import type { Store } from '../../storage/store.ts'
import { isOfTenant } from '../../storage/study/invitation.ts'
import { addPaperRecord, setPaperConfirmed } from '../../storage/study/paper-consent.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { allowsPaper } from '../definition/paper-allowed.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { recordingInvitation } from '../invitation/invitation-event.ts'
import { type Choice, isStanding, newConsent, permitOf, sourceOf } from './own-consent.ts'
import { type OwnParts, recordIn } from './own-record.ts'
import { type StudyAsked, toStudyAsked, withSources } from './own-study.ts'
import { type PaperBounds, type PaperDay, reasonAgainstDay } from './paper-day.ts'
import { type PaperScan, scanIdOf, toScan } from './paper-scan.ts'
import { findPaperText } from './paper-text.ts'
import { textsOf } from './patient-text.ts'
import { findConfirmedPaper, findWaitingPaper, type RecordedPaper } from './waiting-paper.ts'
import type { ForSubject } from './withdrawal-by-staff.ts'

export type PaperParts = Omit<OwnParts, 'accounts'> & {
  readonly accounts: OwnParts['accounts'] & { readonly openStoreAs: OpenStoreAs }
}

/** What staff need who record what somebody in a study has signed on paper. */
export type PaperAsked = PaperBounds & {
  readonly asked: StudyAsked
  readonly subject: string
  readonly person: string
  readonly practitioner: string
  /** As whoever records it sees it: their rights apply. */
  readonly store: Store
  /** Those for which they may write. */
  readonly organizations: readonly string[]
  readonly waiting: RecordedPaper | undefined
  readonly confirmed: RecordedPaper | undefined
  /** Whether the patient has left the study since what waits was recorded, even if they were enrolled anew. */
  readonly hasLeft: boolean
}

/** `language`: in which the text is shown, if it is there in that. Throws `not-found` if the person may not record it. */
export const findPaperAsked = async (
  parts: PaperParts,
  { person, study: id, subject }: ForSubject,
  language: string,
): Promise<PaperAsked> => {
  const { database } = parts.accounts
  const { store, organizations, practitioner, study, patient } = await openPlace(parts, { person, study: id, subject })
  const record = recordIn(store, parts.registry, patient)
  const shown = await toStudyAsked(parts, { study, record, words: wordsFor(language) })
  // The text may also be in a language that no page of ours speaks.
  const asked = { ...shown, lines: await withSources(parts, shown), text: textsOf(study, language).at(-1) }
  const waiting = await findWaitingPaper(database, asked.consent)
  const confirmed = await findConfirmedPaper(database, asked.consent)
  // What was recorded while paper was taken can still be looked at, and what waits discarded.
  if (!allowsPaper(study) && confirmed === undefined && waiting === undefined) throw noPage()
  const refusedAt = await findLastRefusal(database, compartmentOf(patient), { kind: 'study', id })
  const closed = await findClosing(database, id)
  const recorded = waiting ?? confirmed
  const hash = recorded === undefined ? asked.text?.hash : recorded.consent.sourceAttachment?.hash
  const text = await findPaperText(database, study, hash)
  const hasLeft =
    waiting !== undefined && !(await hasPlaceSince(database, { patient, study: id, moment: waiting.record.recordedAt }))
  const by = { person, practitioner, store, organizations }
  return { asked, subject, ...by, refusedAt, closed, text, waiting, confirmed, hasLeft }
}

/**
 * Whose place in which study it is about. Throws `not-found` unless the person is of the study’s staff who ask people for their consent, and the patient is of its tenant: of other patients staff know an id at most, and that must not give them anybody's data.
 */
const openPlace = async (parts: PaperParts, { person, study: id, subject }: ForSubject) => {
  const caller = await callerOfPerson(parts.accounts.database, { person, client: 'pages', scope })
  const { practitioner } = caller
  const store = parts.openStoreFor(caller)
  const study = await findAskedBy(store, parts.registry, caller, id)
  const enrolment: ResearchSubject = JSON.parse((await store.read('ResearchSubject', subject)).content)
  const patient = namedId(enrolment.individual, 'Patient')
  const isOfStudy = enrolment.study.reference === `ResearchStudy/${id}`
  if (
    practitioner === undefined ||
    study === undefined ||
    patient === undefined ||
    !isOfStudy ||
    !(await isOfTenantOf(parts, study, patient))
  )
    throw noPage()
  return { store, organizations: caller.organizations, practitioner, study, patient }
}

const noPage = (): FhirError => new FhirError('not-found', 'There is no such page')

/** The study, if the caller asks people for their consent to it. */
const findAskedBy = async (
  store: Store,
  registry: Registry,
  caller: Caller,
  id: string,
): Promise<ResearchStudy | undefined> => {
  const search = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _id: id }))
  const [found] = (await store.search({ ...search, where: and(search.where, asksForConsent(caller)) })).entries
  return found && JSON.parse(found.content)
}

const isOfTenantOf = ({ accounts }: PaperParts, study: ResearchStudy, patient: string): Promise<boolean> =>
  isOfTenant(accounts.database, patient, sponsorOf(study) ?? '')

const scope = [
  'user/ResearchSubject.rus user/Consent.crus user/Binary.cr',
  'user/ResearchStudy.rs user/Organization.rs user/Practitioner.rs user/Device.rs',
].join(' ')

type Signed = PaperDay & {
  readonly choices: readonly Choice[]
  readonly scan: { readonly contentType: string; readonly bytes: Buffer }
}

/** Stores the scan, and the Consent as proposed: until somebody else has confirmed it, it counts for nothing. */
export const recordPaper = async (paper: PaperAsked, { choices, scan, ...day }: Signed): Promise<void> => {
  const { signedOn } = day
  const { asked, subject, practitioner, store, organizations } = paper
  const { consent: before, text } = asked
  if (before?.status === 'active') throw new FhirError('business-rule', 'They share already, and change it themselves')
  const why = reasonAgainstDay(paper, day)
  if (why !== undefined) throw new FhirError('business-rule', why)
  const owned = <R extends Resource>(resource: R): R => inOneOf(resource, organizations, [sponsorOf(asked.study)])
  await store.atomic(async (own, connection) => {
    const binary: Binary = {
      resourceType: 'Binary',
      contentType: scan.contentType,
      securityContext: { reference: `ResearchSubject/${subject}` },
      data: scan.bytes.toString('base64'),
    }
    const kept = await writeOrThrow(own, { kind: 'create', resource: owned(binary) })
    const draft = newConsent(asked, signedOn)
    const resource: Consent = {
      ...draft,
      extension: [{ url: extensions.paperScan, valueReference: { reference: `Binary/${kept.id}` } }],
      status: 'proposed',
      sourceAttachment: { ...sourceOf(asked), ...(text && { hash: text.hash }) },
      provision: {
        ...draft.provision,
        provision: choices.filter(({ shares }) => shares).map(choice => permitOf(asked, choice, signedOn)),
      },
    }
    const { id, versionId } = await writeOrThrow(
      own,
      isStanding(before)
        ? { kind: 'update', id: before.id ?? '', resource: { ...resource, id: before.id ?? '' }, ...matching(before) }
        : { kind: 'create', resource: owned(resource) },
    )
    await addPaperRecord(connection, { consent: id, version: versionId, practitioner })
  })
}

/**
 * Makes what somebody else recorded count, exactly as it was recorded and shown as `version`. Since the rules let no staff give a consent, the
 * server writes it, in the name of whoever confirms, and the patient is told. Throws FhirError for the one who recorded it, and if it was
 * recorded anew meanwhile.
 */
export const confirmPaper = async ({ accounts }: PaperParts, paper: PaperAsked, version: string): Promise<void> => {
  const { consent, record, version: now } = waitingOf(paper)
  if (record.practitioner === paper.practitioner)
    throw new FhirError('forbidden', 'Whoever recorded it cannot confirm it as well: that takes somebody else')
  if (version !== now) throw recordedAnew('compare this one with its scan')
  const why = reasonNotToConfirm(paper) ?? reasonSince(paper, record.recordedAt)
  if (why !== undefined) throw new FhirError('business-rule', why)
  const { study, record: own } = paper.asked
  const verified = { verified: true, verificationDate: new Date().toISOString() }
  const resource: Consent = { ...consent, status: 'active', verification: [verified] }
  const event = {
    what: 'paper-confirmed',
    by: { kind: 'person', id: paper.person },
    patient: own.patient,
    study: study.id ?? '',
    organization: sponsorOf(study),
  } as const
  await recordingInvitation(accounts.openStoreAs, event, async (connection, store) => {
    const { id = '', meta } = consent
    const recorded = { consent: id, version: meta?.versionId ?? '' }
    await setPaperConfirmed(connection, { ...recorded, practitioner: paper.practitioner })
    return writeOrThrow(store, { kind: 'update', id, resource, ...matching(consent) })
  })
}

/** Why it no longer counts since it was recorded. The day of signing was checked then. */
const reasonSince = ({ refusedAt }: PaperAsked, recordedAt: Date): string | undefined =>
  refusedAt !== undefined && refusedAt >= recordedAt
    ? 'They have said no, or ended it, since it was recorded'
    : undefined

/** Why nobody can confirm what waits any more; undefined if they can. */
export const reasonNotToConfirm = ({ asked, text, hasLeft }: PaperAsked): string | undefined => {
  if (hasLeft)
    return 'They have left the study since this was recorded, and what they signed before does not count any more: discard it, and ask the patient again if they are back'
  if (!allowsPaper(asked.study))
    return 'By its settings, the study takes no paper any more: discard this, or wait until it takes paper again'
  return text?.isCurrent === true
    ? undefined
    : 'Another version of the text was published since this was recorded, and what was signed under the one before is not taken up any more: discard it, and ask the patient for the new one'
}

/** Ends what waits, if it was shown as `version`. Whoever may record may also discard. Throws FhirError if it was recorded anew meanwhile. */
export const discardPaper = async (paper: PaperAsked, version: string): Promise<void> => {
  const { consent, version: now } = waitingOf(paper)
  if (version !== now) throw recordedAnew('discard this one only if it is wrong as well')
  const why = {
    url: inactivationReason,
    valueCodeableConcept: { text: 'What was recorded from paper was not confirmed' },
  }
  const resource: Consent = { ...consent, status: 'inactive', extension: [...(consent.extension ?? []), why] }
  await writeOrThrow(paper.store, { kind: 'update', id: consent.id ?? '', resource, ...matching(consent) })
}

const recordedAnew = (next: string): FhirError =>
  new FhirError('conflict', `It was recorded anew since it was shown to you: ${next}`)

/** The scan of what waits, or was confirmed. */
export const readScan = async (paper: PaperAsked): Promise<PaperScan> =>
  toScan(
    JSON.parse(
      (await paper.store.read('Binary', scanIdOf((paper.confirmed ?? waitingOf(paper)).consent) ?? '')).content,
    ),
  )

const waitingOf = ({ waiting }: PaperAsked) => {
  if (waiting === undefined) throw new FhirError('not-found', 'Nothing waits to be confirmed')
  return waiting
}

const matching = ({ meta }: Consent) => (meta?.versionId === undefined ? {} : { ifMatch: meta.versionId })
