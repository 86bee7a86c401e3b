import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import type { Channels } from '../../messages/channels.ts'
import type { Database } from '../../storage/database.ts'
import { type InvitedFilter, lastRemindedToSend, subjectsWith } from '../../storage/study/invited-subject.ts'
import {
  actionsUnderWay,
  addAction,
  findAction,
  type RefusedItem,
  refusedItems,
  refuseRest,
  type StudyAction,
  type StudyActionKind,
} from '../../storage/study/study-action.ts'
import type { Way } from '../invitation/addresses-for.ts'
import { findUnreached } from '../invitation/unreached.ts'
import { findEnrolledPeople, type StudyParts, silentAmong } from './enrolled-people.ts'
import { seesAnswersOf } from './sees-answers.ts'

/** What staff do to many people of a study at once. Whether they may is asked for each of them, when it is done. */
export type StudyActions = {
  /** Answers its id, or that of the same action if it is under way already. */
  readonly start: (asked: AskedAction) => Promise<string>
  /** Only one that the person started. */
  readonly find: (person: string, study: string, id: string) => Promise<StudyAction | undefined>
  /** What the person has under way in the study, the latest first. */
  readonly underWay: (person: string, study: string) => Promise<readonly StudyAction[]>
  /** Nothing more of it is begun. False if it is not an action that the person has started. */
  readonly stop: (person: string, study: string, id: string) => Promise<boolean>
  /** Those to whom it could not be done, and why. */
  readonly refused: (
    id: string,
    page: { readonly after: number; readonly count: number },
  ) => Promise<readonly RefusedItem[]>
  /** Ids of the ResearchSubjects whose last invitation is in that state, or whom no message can reach; undefined if there is no filter, for everybody in the study. */
  readonly among: (
    caller: Caller,
    study: ResearchStudy,
    filter: ReachedFilter | undefined,
  ) => Promise<readonly string[] | undefined>
  /** Ids of all people whom the pages of the study would list, other than those whose place has ended. */
  readonly everybody: (caller: Caller, study: ResearchStudy, wanted: ListedPeople) => Promise<readonly string[]>
}

/** `unreached`: no message can reach them. */
export type ReachedFilter = InvitedFilter | 'unreached'

type AskedAction = {
  readonly person: string
  readonly study: string
  readonly what: StudyActionKind
  readonly way: Way
  /** Ids of Patients if they are to be enrolled, otherwise of ResearchSubjects. */
  readonly targets: readonly string[]
}

type ListedPeople = Pick<Parameters<typeof findEnrolledPeople>[3], 'state' | 'text' | 'among'>

type Parts = StudyParts & {
  readonly database: Database
  readonly channels: Channels
  /** Has it worked on in the background. */
  readonly ask: (id: string) => Promise<unknown>
}

export const openStudyActions = (parts: Parts): StudyActions => {
  const { database, channels, ask } = parts
  return {
    start: async asked => {
      const id = await database.transaction(connection => addAction(connection, asked))
      await ask(id)
      return id
    },
    find: (person, study, id) => findAction(database, { person, study, id }),
    underWay: (person, study) => actionsUnderWay(database, { person, study }),
    stop: async (person, study, id) => {
      if ((await findAction(database, { person, study, id })) === undefined) return false
      await refuseRest(database, id, 'It was stopped before their turn came')
      return true
    },
    refused: (id, page) => refusedItems(database, id, page),
    among: async (caller, study, filter) => {
      const { id = '' } = study
      if (filter === undefined) return undefined
      if (filter === 'unreached')
        return [...(await findUnreached({ accounts: { database }, channels }, { study: id })).keys()]
      const seesAnswers = seesAnswersOf(caller, study)
      const found = await subjectsWith(database, id, { filter, seesAnswers })
      return filter === 'failed' && seesAnswers ? withoutSenders(parts, caller, study, found) : found
    },
    everybody: async (caller, study, wanted) => {
      const ids: string[] = []
      for (let offset = 0; ; offset += chunkSize) {
        const { people } = await findEnrolledPeople(parts, caller, study, { ...wanted, offset, limit: chunkSize })
        ids.push(...people.filter(({ hasEnded }) => !hasEnded).map(({ id }) => id))
        if (people.length < chunkSize) return ids
      }
    },
  }
}

/**
 * Without those who were last reminded to send data, in vain, and are not silent now: there is nothing to remind them of. Whoever sees no data of
 * theirs, or may not know who has answered, does not learn by that that any came.
 */
const withoutSenders = async (
  parts: Parts,
  caller: Caller,
  study: ResearchStudy,
  unreached: readonly string[],
): Promise<readonly string[]> => {
  const reminded = await lastRemindedToSend(parts.database, unreached)
  if (reminded.length === 0) return unreached
  const senders = new Set(reminded).difference(new Set(await silentAmong(parts, caller, study, reminded)))
  return unreached.filter(id => !senders.has(id))
}

/** Large, since every page is searched for among all people. */
const chunkSize = 5000
