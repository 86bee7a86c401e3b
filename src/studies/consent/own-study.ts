import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import { isOfTime } from '../../access/shared-type.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import type { Wording } from '../../fhir/translation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { chosenIn } from '../../storage/model/study.ts'
import type { DeletedAnswer } from '../../storage/study/deleted-answer.ts'
import { studiesOfPerson } from '../../storage/study/own-study.ts'
import { staffFromElsewhere } from '../../storage/study/study-recipients.ts'
import { type RequestedData, requestedData } from '../definition/requested-data.ts'
import { displayOf } from '../definition/study-request.ts'
import { purposeIn, reasonIn, titleIn } from '../definition/study-words.ts'
import { recipientsIn } from '../definition/text-recipients.ts'
import { findConsent } from './own-answer.ts'
import { namesOfDevices, type OwnParts, type OwnRecord, openOwnRecord, registrarOf } from './own-record.ts'
import { type Sharing, sharingsIn } from './own-sharing.ts'
import { findOwnSources, type OwnSource } from './own-sources.ts'
import { isUnfinished, type PatientText, textsOf } from './patient-text.ts'
import { findReadersNow, type ReadersNow } from './readers-now.ts'
import { type ReadingService, readingServices } from './reading-services.ts'
import { type RunsNow, runsNow } from './runs-now.ts'
import { type Outside, type StaffShown, staffShown } from './staff-shown.ts'
import { type StudyOrganization, studyOrganization } from './study-organization.ts'
import { findWaitingPaper } from './waiting-paper.ts'

/** A study as one of its people is shown it, with what they have answered so far. */
export type StudyAsked = RunsNow & {
  readonly study: ResearchStudy
  /** In the reader's language if the study has it in that, else in the study's own; likewise the purpose and the reasons. */
  readonly title: Wording
  readonly purpose: Wording | undefined
  readonly record: OwnRecord
  readonly organization: StudyOrganization
  /** Whether its people know who somebody is once they have agreed; otherwise they know a code. */
  readonly isIdentified: boolean
  /** The name of the organization where they are registered, whose people know them in any case. */
  readonly registrar: string | undefined
  /** What is asked for, one line for each kind and source. */
  readonly lines: readonly AskedLine[]
  /** The version to sign now; undefined if there is none yet. */
  readonly text: PatientText | undefined
  /** The Consent that stands; else the last that has ended or says no. */
  readonly consent: Consent | undefined
  /** What the person said by deleting their Consent; undefined if there is one. */
  readonly deleted: DeletedAnswer | undefined
  /** When a consent was recorded from paper that nobody has confirmed yet. */
  readonly paperSince: Date | undefined
  /** What the study reads of the person, and what of it stays with the study after the end. */
  readonly sharings: readonly Sharing[]
  /** Whether the person has a place in it now: nobody else is asked for anything. */
  readonly isEnrolled: boolean
  /** Whether they have none now, but one that begins later. */
  readonly isToCome: boolean
  /** Id of the Consent that can be shown as a copy. */
  readonly signed: string | undefined
  /** Those who read for the study. */
  readonly staff: readonly StaffShown[]
  /** What reads for it without a person. */
  readonly services: readonly ReadingService[]
  /** Whether the people of its organization read as well. */
  readonly isOrganizations: boolean
  /** Who reads what is shared with it now; undefined if nothing is. */
  readonly readersNow: ReadersNow | undefined
}

export type AskedLine = RequestedData & {
  /** In forms. */
  readonly name: string
  readonly kindName: string
  /** The kind and the source. */
  readonly what: string
  /** What the study needs it for. */
  readonly reason: Wording | undefined
  /** If it is asked for from any source: those to which its person may narrow it. */
  readonly sources: readonly OwnSource[]
}

/** Undefined if the person has no place in the study, and has given it no answer. */
export const findStudyAsked = async (
  parts: OwnParts,
  person: string,
  id: string,
  words: Words,
): Promise<StudyAsked | undefined> => {
  const own = (await studiesOfPerson(parts.accounts.database, person)).find(({ study }) => study === id)
  const record = own && (await openOwnRecord(parts, person, own.patient))
  const study = await record?.read<ResearchStudy>('ResearchStudy', id)
  if (own === undefined || record === undefined || study === undefined) return undefined
  const named = recipientsIn(study)
  const elsewhere = await staffFromElsewhere(parts.accounts.database, id)
  const unnamed = named === undefined ? [] : elsewhere.filter(one => !named.includes(one))
  const sharings = (await sharingsIn(parts, record, words)).filter(one => one.receiver === `ResearchStudy/${id}`)
  const outside = { elsewhere, unnamed }
  const asked = await toStudyAsked(parts, {
    study,
    record,
    words,
    outside,
    own: { ...own, sharings, ...runsNow(study) },
  })
  const services = await readingServices(parts.accounts.database, id, { ...parts, ...asked })
  const paper = await findWaitingPaper(parts.accounts.database, asked.consent)
  const lines = await withSources(parts, asked)
  const more = { lines, services, readersNow: await findReadersNow(parts, asked), registrar: await registrarOf(record) }
  return { ...asked, ...more, paperSince: paper?.record.recordedAt }
}

/** The lines, with the sources to which they may be narrowed, as far as the reader of the record knows whose devices these are. */
export const withSources = async (
  { codeClasses }: Pick<OwnParts, 'codeClasses'>,
  { record, lines }: Pick<StudyAsked, 'record' | 'lines'>,
): Promise<readonly AskedLine[]> => {
  const isNarrowed = ({ source, kind }: AskedLine) => source === undefined && isOfTime(kind)
  if (!lines.some(isNarrowed)) return lines
  const sourcesOf = await findOwnSources(record, codeClasses)
  return lines.map(line => (isNarrowed(line) ? { ...line, sources: sourcesOf(line.kind) } : line))
}

type Asking = {
  readonly study: ResearchStudy
  readonly record: OwnRecord
  readonly words: Words
  readonly outside?: Outside
  /** The language of what the study itself says; that of `words` unless given. */
  readonly language?: string
  /** Absent if it is shown to somebody else, or is about somebody who has given nothing. */
  readonly own?: Pick<StudyAsked, 'deleted' | 'sharings' | 'isEnrolled' | 'isToCome' | 'signed' | keyof RunsNow>
}

/** The study as the reader of the record is shown it. */
export const toStudyAsked = async (
  { codeClasses }: Pick<OwnParts, 'codeClasses'>,
  { study, record, words, outside = nobodyOutside, language = words.code, own = ofNobody }: Asking,
): Promise<StudyAsked> => {
  const asked = requestedData(study, codeClasses)
  const devices = await namesOfDevices(
    record,
    asked.flatMap(({ source }) => source ?? []),
  )
  const versions = textsOf(study, words.code)
  const consent = await findConsent(record, study.id ?? '')
  return {
    study,
    title: titleIn(study, { code: language, say: words.say }),
    purpose: purposeIn(study, language),
    record,
    organization: await studyOrganization(record, study, words),
    isIdentified: chosenIn(study, 'identity') === 'identified',
    registrar: undefined,
    lines: [...new Map(asked.map(one => [nameOfLine(one), one])).values()].map(one => {
      const kind = words.kind(one.kind, displayOf(one.kind, codeClasses))
      const device = one.source === undefined ? undefined : (devices.get(one.source) ?? one.source)
      const what =
        device === undefined ? words.say('choose.any-device', { kind }) : words.say('choose.device', { kind, device })
      const reason = reasonIn(study, one.extension, language)
      return { ...one, name: nameOfLine(one), kindName: kind, what, reason, sources: [] }
    }),
    text: versions.at(-1),
    consent,
    deleted: consent === undefined ? own.deleted : undefined,
    paperSince: undefined,
    sharings: own.sharings,
    isEnrolled: own.isEnrolled,
    isToCome: own.isToCome,
    isInForce: own.isInForce,
    isClosed: own.isInForce && own.isClosed && consent?.status !== 'active',
    isUnfinished: own.isUnfinished && isUnfinished({ study, consent }),
    signed: own.signed,
    staff: await staffShown(record, study, outside),
    services: [],
    readersNow: undefined,
    isOrganizations: chosenIn(study, 'access') === 'organization',
  }
}

const nobodyOutside: Outside = { elsewhere: [], unnamed: [] }

const ofNobody = {
  deleted: undefined,
  sharings: [],
  isEnrolled: true,
  isToCome: false,
  isInForce: true,
  isClosed: false,
  isUnfinished: false,
  signed: undefined,
}

/**
 * Changes whenever the study says something else of itself, its organization or a device has another name, somebody else would read, or a withdrawal would
 * do something else. By it we know that whoever signs has seen what their copy will say, and to whom they give their data.
 */
export const digestOfShown = (asked: Shown): string => {
  const { title, purpose, organization, lines, staff, services, isOrganizations, text } = asked
  const programs = services.map(({ name, reads }) => [name, lines.map(({ kind }) => reads(kind))])
  const readers = [organization.name, staff, programs, isOrganizations, text?.withdrawal]
  const shown = [title, purpose, lines.map(({ name, what, reason, sources }) => [name, what, reason, sources]), readers]
  return digestOf('sha256', Buffer.from(JSON.stringify(shown)).toString('base64'))
}

/** Changes whenever the person has given another answer, or one of theirs has ended; empty before the first one, and for what staff propose. */
export const answerShown = ({ consent, deleted }: Pick<StudyAsked, 'consent' | 'deleted'>): string => {
  if (consent === undefined) return deleted ?? ''
  return consent.status === 'proposed' ? '' : `${consent.id}/${consent.meta?.versionId}`
}

/** What they have answered, as the status of a Consent, also by deleting one. */
export const statusOfAnswer = ({
  consent,
  deleted,
}: Pick<StudyAsked, 'consent' | 'deleted'>): Consent['status'] | undefined =>
  consent === undefined ? deleted : consent.status

type Shown = Pick<
  StudyAsked,
  'title' | 'purpose' | 'organization' | 'lines' | 'staff' | 'services' | 'isOrganizations' | 'text'
>

/** Made of what is asked and not of its place, so that what was shown and chosen never comes to mean something else. */
export const nameOfLine = ({ kind, source }: Pick<RequestedData, 'kind' | 'source'>): string =>
  `${kind}@${source ?? 'any'}`.replaceAll(/\s/g, '-')
