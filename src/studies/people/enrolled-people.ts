import type { Observation, Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { sharedWithStudy } from '../../access/questions.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { all } from '../../search/expression.ts'
import type { Store } from '../../storage/store.ts'
import type { Arrival } from '../../storage/study/arrivals.ts'
import type { StudyPeople, StudyPeopleAsked, StudyPersonRow, StudyState } from '../../storage/study/study-people.ts'

export type StudyParts = {
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

/** Somebody in a study, as far as the caller may know. */
export type EnrolledPerson = Pick<StudyPersonRow, 'isSilent' | 'isEarlier' | 'isOnPaper' | 'isLeftStanding'> & {
  /** Id of the ResearchSubject. */
  readonly id: string
  /** Id of the Patient that it names, whom the caller may not be able to read. */
  readonly patientId: string
  /** Absent where the caller may not read the Patient: then there is the code alone. */
  readonly patient?: Patient
  readonly codes: readonly string[]
  /** Whether the place in the study has ended. */
  readonly hasEnded: boolean
  /** Undefined where the caller may not read what people answer. */
  readonly state: StudyState | undefined
  /** The newest reading that the caller may see for the study: when it was measured, if that is known, and when it came. */
  readonly newest?: { readonly measured?: Date; readonly arrived: Date }
}

type EnrolledPage = Pick<StudyPeople, 'total' | 'counts'> & { readonly people: readonly EnrolledPerson[] }

type Wanted = Pick<StudyPeopleAsked, 'text' | 'sort' | 'offset' | 'limit'> & {
  readonly state: StudyPeopleAsked['state'] | undefined
  readonly seesAnswers: boolean
  /** Ids of the ResearchSubjects among which it is looked; absent: all. */
  readonly among?: readonly string[] | undefined
}

/** One page of those in the study, and how many there are of each state. Everything is asked as the caller. */
export const findEnrolledPeople = async (
  { openStoreFor }: Pick<StudyParts, 'openStoreFor'>,
  caller: Caller,
  { id = '' }: ResearchStudy,
  { seesAnswers, state, among, ...wanted }: Wanted,
): Promise<EnrolledPage> => {
  const { rows, total, counts } = await openStoreFor(caller).studyPeople({
    ...wanted,
    study: id,
    subjects: among === undefined ? all : { kind: 'identified', ids: among },
    shared: sharedWithStudy(caller, id),
    silentDays,
    ...(state === undefined || !seesAnswers ? {} : { state }),
  })
  return { people: rows.map(row => toPerson(row, seesAnswers)), total, counts: seesAnswers ? counts : {} }
}

/** Who shares, and sends nothing for so long, is silent. */
export const silentDays = 14

const toPerson = (
  { subject, patient, state, isSilent, isEarlier, isOnPaper, isLeftStanding, arrived, measured }: StudyPersonRow,
  seesAnswers: boolean,
) => {
  const { id = '', identifier = [], individual }: ResearchSubject = JSON.parse(subject)
  return {
    id,
    patientId: namedId(individual, 'Patient') ?? '',
    ...(patient === null ? {} : { patient: JSON.parse(patient) as Patient }),
    codes: identifier.flatMap(({ value }) => value ?? []),
    hasEnded: state === 'ended',
    state: seesAnswers || state === 'ended' ? state : undefined,
    isSilent: isSilent && seesAnswers,
    isEarlier: isEarlier && seesAnswers,
    isOnPaper: isOnPaper && seesAnswers,
    isLeftStanding: isLeftStanding && seesAnswers,
    ...(arrived === null ? {} : { newest: { arrived, ...(measured === null ? {} : { measured }) } }),
  }
}

/** The newest reading of somebody's of one kind, when it came, and of how many that came last it is the newest. */
export type ArrivedReading = Pick<Arrival, 'arrived' | 'count' | 'since'> & { readonly observation: Observation }

/** Whose readings came last of what people share with the study, and of which kind. */
export const findArrivals = async (
  { openStoreFor }: StudyParts,
  caller: Caller,
  study: string,
  limit: number,
): Promise<readonly ArrivedReading[]> => {
  const arrivals = await openStoreFor(caller).arrivals({ study, where: sharedWithStudy(caller, study), limit })
  return arrivals.map(({ content, arrived, count, since }) => ({
    observation: JSON.parse(content),
    arrived,
    count,
    since,
  }))
}
