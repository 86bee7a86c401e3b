import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import type { Database } from '../../storage/database.ts'
import { type InvitedFilter, subjectsWith } from '../../storage/study/invited-subject.ts'
import {
  addAction,
  findAction,
  type RefusedItem,
  refusedItems,
  type StudyAction,
  type StudyActionKind,
} from '../../storage/study/study-action.ts'
import type { Way } from '../invitation/addresses-for.ts'
import { findEnrolledPeople, type StudyParts } from './enrolled-people.ts'
import { seesAnswersOf } from './sees-answers.ts'

/** What staff do to many people of a study at once; whether they may is asked of each, when it is done. */
export type StudyActions = {
  /** Answers its id; where the same is under way already, of that. */
  readonly start: (asked: AskedAction) => Promise<string>
  /** The person's own. */
  readonly find: (person: string, study: string, id: string) => Promise<StudyAction | undefined>
  /** Those to whom it was not done, and why. */
  readonly refused: (
    id: string,
    page: { readonly after: number; readonly count: number },
  ) => Promise<readonly RefusedItem[]>
  /** Ids of the ResearchSubjects whose last invitation stands so; undefined: whoever is in the study. */
  readonly among: (study: string, filter: InvitedFilter | undefined) => Promise<readonly string[] | undefined>
  /** Ids of all that a page of the study would list, on all its pages. */
  readonly everybody: (caller: Caller, study: ResearchStudy, wanted: ListedPeople) => Promise<readonly string[]>
}

type AskedAction = {
  readonly person: string
  readonly study: string
  readonly what: StudyActionKind
  readonly way: Way
  /** Ids: of Patients to be enrolled, of ResearchSubjects else. */
  readonly targets: readonly string[]
}

type ListedPeople = Pick<Parameters<typeof findEnrolledPeople>[3], 'state' | 'text' | 'among'>

type Parts = StudyParts & {
  readonly database: Database
  /** Has it worked on, by and by. */
  readonly ask: (id: string) => Promise<void>
}

export const openStudyActions = (parts: Parts): StudyActions => {
  const { database, ask } = parts
  return {
    start: async asked => {
      const id = await database.transaction(connection => addAction(connection, asked))
      await ask(id)
      return id
    },
    find: (person, study, id) => findAction(database, { person, study, id }),
    refused: (id, page) => refusedItems(database, id, page),
    among: async (study, filter) => (filter === undefined ? undefined : subjectsWith(database, study, filter)),
    everybody: async (caller, study, wanted) => {
      const seesAnswers = seesAnswersOf(caller, study)
      const ids: string[] = []
      for (let offset = 0; ; offset += chunkSize) {
        const asked = { ...wanted, seesAnswers, sort: 'enrolment', offset, limit: chunkSize } as const
        const { people } = await findEnrolledPeople(parts, caller, study, asked)
        ids.push(...people.filter(({ hasEnded }) => !hasEnded).map(({ id }) => id))
        if (people.length < chunkSize) return ids
      }
    },
  }
}

/** Each is found among all, so that there are few. */
const chunkSize = 5000
