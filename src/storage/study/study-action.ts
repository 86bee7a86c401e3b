import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

export type StudyActionKind = 'enrol' | 'enrol-and-invite' | 'invite' | 'remind' | 'cancel'

/** Something that is done for many people of a study. Everything is named by its id. */
export type StudyAction = {
  readonly id: string
  readonly person: string
  readonly study: string
  readonly what: StudyActionKind
  /** How messages are sent. */
  readonly way: string
  readonly total: number
  readonly done: number
  /** How many of `done` were refused. */
  readonly refused: number
  readonly isOver: boolean
  readonly madeAt: Date
}

export type StudyActionItem = { readonly item: number; readonly target: string }

export type RefusedItem = StudyActionItem & { readonly refusal: string }

type NewAction = Pick<StudyAction, 'person' | 'study' | 'what' | 'way'> & { readonly targets: readonly string[] }

/**
 * Answers its id. If the same is being done for all of them already, because somebody sent it again, that one's id is answered: of several at the
 * same time, one is added.
 */
export const addAction = async (connection: Connection, action: NewAction): Promise<string> => {
  const { person, study, what, way, targets } = action
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('study action'), hashtext(${person}))`)
  const underWay = await findUnderWay(connection, action)
  if (underWay !== undefined) return underWay
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO study_action (id, person, study_id, what, way, total)
    VALUES (${id}, ${person}, ${study}, ${what}, ${way}, ${targets.length})`)
  await connection.run(sql.fragment`
    INSERT INTO study_action_item (action, item, target)
    SELECT ${id}, item, target FROM unnest(${sql.array([...targets], 'text')}) WITH ORDINALITY AS given (target, item)`)
  return id
}

const findUnderWay = async (
  connection: Connection,
  { person, study, what, way, targets }: NewAction,
): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ id: string }>(sql.fragment`
      SELECT id FROM study_action
      WHERE person = ${person} AND study_id = ${study} AND what = ${what} AND way = ${way} AND ended_at IS NULL
        AND NOT EXISTS (
          SELECT unnest(${sql.array([...targets], 'text')})
          EXCEPT SELECT target FROM study_action_item WHERE action = study_action.id)
      ORDER BY made_at LIMIT 1`)
  )?.id

/** Only the person's own. */
export const findAction = (
  connection: Connection,
  { id, person, study }: Pick<StudyAction, 'id' | 'person' | 'study'>,
): Promise<StudyAction | undefined> =>
  connection.maybeOne<StudyAction>(
    sql.fragment`${select} WHERE id = ${id} AND person = ${person} AND study_id = ${study}`,
  )

/** What the person has under way in the study, the latest first. */
export const actionsUnderWay = (
  connection: Connection,
  { person, study }: Pick<StudyAction, 'person' | 'study'>,
): Promise<readonly StudyAction[]> =>
  connection.any<StudyAction>(sql.fragment`
    ${select} WHERE person = ${person} AND study_id = ${study} AND ended_at IS NULL ORDER BY made_at DESC, id DESC`)

/** For working on it. */
export const readAction = (connection: Connection, id: string): Promise<StudyAction | undefined> =>
  connection.maybeOne<StudyAction>(sql.fragment`${select} WHERE id = ${id}`)

export const actionsToWorkOn = async (connection: Connection): Promise<readonly string[]> =>
  (await connection.any<{ id: string }>(sql.fragment`SELECT id FROM study_action WHERE ended_at IS NULL`)).map(
    ({ id }) => id,
  )

/** The next items that nobody has begun. */
export const itemsToDo = (connection: Connection, id: string, count: number): Promise<readonly StudyActionItem[]> =>
  connection.any<StudyActionItem>(sql.fragment`
    SELECT item, target FROM study_action_item WHERE action = ${id} AND NOT begun ORDER BY item LIMIT ${count}`)

/** What came of an item: done, or why it was refused. */
export type SettledItem = { readonly item: number; readonly refusal: string | undefined }

/** If several begin it at the same time, one gets true. What came of the item before is said in the same commit, since each is waited for. */
export const beginItem = async (
  connection: Connection,
  id: string,
  item: number,
  before?: SettledItem,
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    WITH settled AS (${settling(id, before)})
    UPDATE study_action_item SET begun = TRUE WHERE action = ${id} AND item = ${item} AND NOT begun`)) > 0

export const settleItem = async (connection: Connection, id: string, settled: SettledItem): Promise<void> => {
  await connection.run(settling(id, settled))
}

const settling = (id: string, settled: SettledItem | undefined): SqlFragment => sql.fragment`
  UPDATE study_action_item SET done = TRUE, refusal = ${settled?.refusal ?? null}
  WHERE action = ${id} AND item = ${settled?.item ?? null}`

/** Items that nobody has begun are no longer done. */
export const refuseRest = async (connection: Connection, id: string, refusal: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_action_item SET begun = TRUE, done = TRUE, refusal = ${refusal} WHERE action = ${id} AND NOT begun`)
}

/** To be called when nothing is left to begin. What was begun and not settled gets the refusal `cutShort`, since whoever began it is gone. */
export const endAction = async (connection: Connection, id: string, cutShort: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_action_item SET done = TRUE, refusal = ${cutShort} WHERE action = ${id} AND begun AND NOT done`)
  await connection.run(sql.fragment`UPDATE study_action SET ended_at = now() WHERE id = ${id} AND ended_at IS NULL`)
}

/** The first that were refused, after an item. */
export const refusedItems = (
  connection: Connection,
  id: string,
  { after, count }: { readonly after: number; readonly count: number },
): Promise<readonly RefusedItem[]> =>
  connection.any<RefusedItem>(sql.fragment`
    SELECT item, target, refusal FROM study_action_item
    WHERE action = ${id} AND refusal IS NOT NULL AND item > ${after} ORDER BY item LIMIT ${count}`)

const counted = (which: SqlFragment): SqlFragment => sql.fragment`(
  SELECT count(*)::integer FROM study_action_item WHERE study_action_item.action = study_action.id AND ${which})`

const select = sql.fragment`
  SELECT id, person, study_id AS study, what, way, total, made_at AS "madeAt", ended_at IS NOT NULL AS "isOver",
    ${counted(sql.fragment`done`)} AS done, ${counted(sql.fragment`refusal IS NOT NULL`)} AS refused
  FROM study_action`
