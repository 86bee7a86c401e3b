import type { Observation, Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { sharedWithStudy } from '../../access/questions.ts'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { all } from '../../search/expression.ts'
import type { Store } from '../../storage/store.ts'
import type { Arrival } from '../../storage/study/arrivals.ts'
import type { StudyPeople, StudyPeopleAsked, StudyPersonRow, StudyState } from '../../storage/study/study-people.ts'
import { type EndedStatus, endedAs } from './place-standing.ts'
import { seesAnswersOf } from './sees-answers.ts'

export type StudyParts = {
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

/** Somebody in a study, as far as the caller may know. */
export type EnrolledPerson = Pick<
  StudyPersonRow,
  'isSilent' | 'isEarlier' | 'isOnPaper' | 'isByPaper' | 'isLeftStanding'
> & {
  /** Id of the ResearchSubject. */
  readonly id: string
  /** Id of the Patient that it names, whom the caller may not be able to read. */
  readonly patientId: string
  /** Absent if the caller may not read the Patient, and knows the code alone. */
  readonly patient?: Patient
  readonly codes: readonly string[]
  /** As their place says it. */
  readonly gender?: string
  readonly birthYear?: string
  /** When their place in the study began, if it says so. */
  readonly enrolled?: string
  /** Whether the place in the study has ended. */
  readonly hasEnded: boolean
  /** As what it has ended, if its status says so. */
  readonly endedAs?: EndedStatus
  /** Undefined if the caller may not know what people answer. */
  readonly state: StudyState | undefined
  /** When they last gave, changed or ended it. */
  readonly answeredAt?: Date
  /** When the newest reading that the caller may see for the study was measured, if that is known, and when it arrived. */
  readonly newest?: { readonly measured?: string; readonly arrived: Date }
}

type EnrolledPage = Pick<StudyPeople, 'total' | 'counts'> & { readonly people: readonly EnrolledPerson[] }

/** Without a `text` and a `state`, everybody; the last enrolled first, unless another order is asked for. */
type Wanted = Pick<StudyPeopleAsked, 'limit' | 'notRecordedBy'> &
  Partial<Pick<StudyPeopleAsked, 'text' | 'sort' | 'offset'>> & {
    readonly state?: StudyPeopleAsked['state'] | undefined
    /** Ids of the ResearchSubjects among which to look; absent: all. */
    readonly among?: readonly string[] | undefined
  }

/** A page of the people in the study, and how many there are in each state, as far as the caller may know. */
export const findEnrolledPeople = async (
  { openStoreFor }: Pick<StudyParts, 'openStoreFor'>,
  caller: Caller,
  study: ResearchStudy,
  { state, among, text = '', sort = 'enrolment', offset = 0, ...wanted }: Wanted,
): Promise<EnrolledPage> => {
  const { id = '' } = study
  const seesAnswers = seesAnswersOf(caller, study)
  const { rows, total, counts } = await openStoreFor(caller).studyPeople({
    ...wanted,
    text,
    offset,
    // Their order would tell who has answered.
    sort: sort === 'answer' && !seesAnswers ? 'enrolment' : sort,
    study: id,
    subjects: among === undefined ? all : { kind: 'identified', ids: among },
    shared: sharedWithStudy(caller, id),
    silentDays,
    ...(state === undefined || !seesAnswers ? {} : { state }),
  })
  return { people: rows.map(row => toPerson(row, seesAnswers)), total, counts: seesAnswers ? counts : {} }
}

/**
 * Ids of those among the ResearchSubjects of whom the caller sees that they are silent. Nobody is read by it, so it is only for callers who see answers,
 * and for finding whom a list is about.
 */
export const silentAmong = async (
  { openStoreFor }: Pick<StudyParts, 'openStoreFor'>,
  caller: Caller,
  { id = '' }: ResearchStudy,
  among: readonly string[],
): Promise<readonly string[]> => {
  const { ids } = await openStoreFor(caller).studyPeople({
    study: id,
    subjects: { kind: 'identified', ids: among },
    shared: sharedWithStudy(caller, id),
    silentDays,
    state: 'silent',
    text: '',
    sort: 'enrolment',
    offset: 0,
    limit: 0,
    ids: true,
  })
  return ids
}

/** The one person with the ResearchSubject, if the caller sees them in the study. */
export const findOneEnrolled = async (
  parts: Pick<StudyParts, 'openStoreFor'>,
  caller: Caller,
  study: ResearchStudy,
  subject: string,
): Promise<EnrolledPerson | undefined> =>
  (await findEnrolledPeople(parts, caller, study, { among: [subject], limit: 1 })).people[0]

/** Somebody who shares but has sent nothing for so many days is called silent. */
export const silentDays = 14

const toPerson = (
  { subject, patient, state, answeredAt, arrived, measured, ...row }: StudyPersonRow,
  seesAnswers: boolean,
) => {
  const place: ResearchSubject = JSON.parse(subject)
  return {
    ...saidBy(place),
    ...(patient === null ? {} : { patient: JSON.parse(patient) as Patient }),
    hasEnded: state === 'ended',
    state: seesAnswers || state === 'ended' ? state : undefined,
    ...(seesAnswers && answeredAt !== null && { answeredAt }),
    isSilent: row.isSilent && seesAnswers,
    isEarlier: row.isEarlier && seesAnswers,
    isOnPaper: row.isOnPaper && seesAnswers,
    isByPaper: row.isByPaper && seesAnswers,
    isLeftStanding: row.isLeftStanding && seesAnswers,
    ...(arrived === null ? {} : { newest: { arrived, ...(measured === null ? {} : { measured }) } }),
  }
}

const saidBy = (place: ResearchSubject) => {
  const { id = '', identifier = [], individual, period } = place
  const gender = extensionOf(place, extensions.gender)?.valueCode
  const how = endedAs(place)
  const birthYear = extensionOf(place, extensions.birthYear)?.valueDate?.slice(0, 'YYYY'.length)
  return {
    id,
    patientId: namedId(individual, 'Patient') ?? '',
    codes: identifier.flatMap(({ value }) => value ?? []),
    ...(gender === undefined ? {} : { gender }),
    ...(birthYear === undefined ? {} : { birthYear }),
    ...(period?.start === undefined ? {} : { enrolled: period.start }),
    ...(how === undefined ? {} : { endedAs: how }),
  }
}

/** Somebody's newest reading of one kind, when it arrived, and how many arrived lately of which it is the newest. */
export type ArrivedReading = Pick<Arrival, 'arrived' | 'count' | 'since'> & { readonly observation: Observation }

/** The readings that arrived last of what people share with the study: the newest of each person and kind. Their numbers keep their text. */
export const findArrivals = async (
  { openStoreFor }: StudyParts,
  caller: Caller,
  study: string,
  limit: number,
): Promise<readonly ArrivedReading[]> => {
  const arrivals = await openStoreFor(caller).arrivals({ study, where: sharedWithStudy(caller, study), limit })
  return arrivals.map(({ content, arrived, count, since }) => ({
    observation: parseJson(content) as Observation,
    arrived,
    count,
    since,
  }))
}
