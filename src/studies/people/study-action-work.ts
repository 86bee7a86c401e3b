import { FhirError } from '../../fhir/error.ts'
import { ownFault } from '../../messages/undelivered.ts'
import { isBarredPerson } from '../../storage/account/barred.ts'
import { type Database, isInDoubt } from '../../storage/database.ts'
import {
  actionsToWorkOn,
  beginItem,
  endAction,
  itemsToDo,
  readAction,
  refuseRest,
  type SettledItem,
  type StudyAction,
  type StudyActionItem,
  settleItem,
} from '../../storage/study/study-action.ts'
import type { Attempt, Queue } from '../../storage/work/queue.ts'
import type { Way } from '../invitation/addresses-for.ts'
import type { Invitations } from '../invitation/invitations.ts'
import type { RegisteringParts } from '../patient/registering.ts'
import { refusedWork } from '../refused-work.ts'
import type { EnrolledPerson, StudyParts } from './enrolled-people.ts'
import { openEnrolling } from './enrolling.ts'
import { oncePossible, type Tries } from './once-possible.ts'
import { standingOf } from './standing-of.ts'

type Parts = StudyParts &
  RegisteringParts & {
    readonly database: Database
    readonly invitations: Pick<Invitations, 'invite' | 'remind' | 'cancel'>
    readonly queue: Pick<Queue, 'work'>
    readonly reportFault: (fault: unknown) => void
    /** Of what the database does not do at the moment. */
    readonly tries?: Tries
  }

/** Does what staff have asked for, with their rights, a few items at a time; also what was asked for before this process began. */
export const workOnStudyActions = async (parts: Parts): Promise<void> => {
  const { database, queue } = parts
  const finish = async (id: string, { isLast }: Attempt): Promise<void> => {
    const action = await readAction(database, id)
    if (action === undefined || action.isOver) return
    if (action.madeAt.getTime() < Date.now() - longestMs) await refuseRest(database, id, tooLate)
    try {
      await workOn(parts, action)
    } catch (fault) {
      parts.reportFault(fault)
      if (!isLast(fault)) throw fault
      await refuseRest(database, id, ownFault)
    }
    await endAction(database, id, cutShort)
  }
  await queue.work(finish, () => actionsToWorkOn(database))
}

/** The server may have stood still. Nobody expects letters in their name any more that they asked for so long ago. */
const longestMs = 7 * 24 * 60 * 60 * 1000

const tooLate = 'The server stood still before their turn came, and it is too long ago now: ask for it again'

const workOn = async (parts: Parts, action: StudyAction): Promise<void> => {
  for (;;) {
    const items = await itemsToDo(parts.database, action.id, chunkSize)
    if (items.length === 0) return
    const act = await actFor(parts, action, items)
    const left = items.values()
    const done = await Promise.allSettled(Array.from({ length: mostAtOnce }, () => doNext(parts, action, left, act)))
    // Thrown only now that nothing is under way any more, so that whoever begins anew finds all items settled.
    for (const one of done) if (one.status === 'rejected') throw one.reason
  }
}

const chunkSize = 200

/** Each waits for the database most of the time, for its commits, of which several reach the disk together; and requests need connections as well. */
const mostAtOnce = 4

/** To more people than these, it is to many. */
const few = 3

const inDoubt = `${ownFault}, and it is not known whether it was done: look how they stand`

const cutShort = 'The server stopped while it was at this, and it is not known whether it was done: look how they stand'

/** If whoever asked is barred by now, or may do nothing in the study any more, nothing is done, and each item says so. */
const actFor = async (parts: Parts, action: StudyAction, items: readonly StudyActionItem[]): Promise<Act> => {
  try {
    if (await isBarredPerson(parts.database, action.person))
      throw new FhirError('forbidden', 'The account of whoever asked for it is not active')
    return await kinds[action.what](parts, action, items)
  } catch (error) {
    if (refusedWork(error) === undefined) throw error
    return () => Promise.reject(error)
  }
}

const doNext = async (
  { database, reportFault, tries }: Parts,
  { id }: StudyAction,
  left: Iterable<StudyActionItem>,
  act: Act,
): Promise<void> => {
  let before: SettledItem | undefined
  for (const { item, target } of left) {
    const isBegun = await beginItem(database, id, item, before)
    before = undefined
    if (!isBegun) continue
    const acted = oncePossible(() => act(target), tries)
    before = { item, refusal: await refusalOf(acted, reportFault) }
  }
  if (before !== undefined) await settleItem(database, id, before)
}

const refusalOf = async (acted: Promise<void>, reportFault: Parts['reportFault']): Promise<string | undefined> => {
  try {
    await acted
    return undefined
  } catch (error) {
    const refusal = refusedWork(error)
    if (refusal === undefined) reportFault(error)
    return refusal ?? (isInDoubt(error) ? inDoubt : ownFault)
  }
}

/** Does it to one target. Throws FhirError that says why it is not done. */
type Act = (target: string) => Promise<void>

/** Prepares an act, asking whatever it needs to know once for a whole chunk of items. */
type Kind = (parts: Parts, action: StudyAction, items: readonly StudyActionItem[]) => Promise<Act>

const wayOf = ({ way }: StudyAction): Way => way as Way

const byOf = ({ person, study, total }: StudyAction, subject: string) => ({
  person,
  study,
  subject,
  isToMany: total > few,
})

const targetsOf = (items: readonly StudyActionItem[]): readonly string[] => items.map(({ target }) => target)

const enrol: Kind = async (parts, action, items) => {
  const enrolOne = await openEnrolling(parts, action, targetsOf(items))
  return async patient => {
    await enrolOne(patient)
  }
}

const enrolAndInvite: Kind = async (parts, action, items) => {
  const enrolOne = await openEnrolling(parts, action, targetsOf(items))
  /** Those who are only to be invited, if it is tried again. */
  const enrolled = new Map<string, string>()
  return async patient => {
    const subject = enrolled.get(patient) ?? (await enrolOne(patient))
    enrolled.set(patient, subject)
    await parts.invitations.invite(byOf(action, subject), wayOf(action)).catch(butEnrolled)
  }
}

/** Half of it was done, and the reason for the rest says so. */
const butEnrolled = (error: unknown): never => {
  if (!(error instanceof FhirError)) throw error
  throw new FhirError(error.issues[0].code, `Enrolled, but not invited: ${error.message}`, { cause: error })
}

/** Leaves those alone who have answered, as far as whoever invites may know: one by one they can still be invited. */
const invite: Kind = async (parts, action, items) => {
  const standing = await standingOf(parts, action, targetsOf(items))
  return async subject => {
    if (answers.has(standing.get(subject)?.state))
      throw new FhirError(
        'business-rule',
        'They have answered: to ask them anew, press Invite beside their name on the page of the study',
      )
    await parts.invitations.invite(byOf(action, subject), wayOf(action))
  }
}

const answers: ReadonlySet<EnrolledPerson['state']> = new Set(['all', 'partly', 'nothing', 'declined', 'withdrawn'])

const cancel: Kind =
  async ({ invitations }, action) =>
  subject =>
    invitations.cancel(byOf(action, subject))

const remind: Kind = async (parts, action, items) => {
  const standing = await standingOf(parts, action, targetsOf(items))
  return async subject => {
    const known = standing.get(subject)
    if (known === undefined) throw new FhirError('not-found', 'There is no such person in the study')
    await parts.invitations.remind(byOf(action, subject), known, wayOf(action))
  }
}

const kinds: Readonly<Record<StudyAction['what'], Kind>> = {
  enrol,
  'enrol-and-invite': enrolAndInvite,
  invite,
  remind,
  cancel,
}
