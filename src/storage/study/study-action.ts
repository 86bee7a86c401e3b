import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

export type StudyActionKind = 'enrol' | 'enrol-and-invite' | 'invite' | 'remind' | 'cancel'

/** Something that is done to many people of a study. Everything is named by its id. */
export type StudyAction = {
  readonly id: string
  readonly person: string
  readonly study: string
  readonly what: StudyActionKind
  /** By which messages go. */
  readonly way: string
  readonly total: number
  readonly done: number
  /** Of those done, how many were not. */
  readonly refused: number
  readonly isOver: boolean
  readonly madeAt: Date
}

export type StudyActionItem = { readonly item: number; readonly target: string }

export type RefusedItem = StudyActionItem & { readonly refusal: string }

type NewAction = Pick<StudyAction, 'person' | 'study' | 'what' | 'way'> & { readonly targets: readonly string[] }

/** Of what is being done to all of them already, whoever sent it again is told the id; of any number at once one is added. */
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

/** The person's own only. */
export const findAction = (
  connection: Connection,
  { id, person, study }: Pick<StudyAction, 'id' | 'person' | 'study'>,
): Promise<StudyAction | undefined> =>
  connection.maybeOne<StudyAction>(
    sql.fragment`${select} WHERE id = ${id} AND person = ${person} AND study_id = ${study}`,
  )

/** For the work on it. */
export const readAction = (connection: Connection, id: string): Promise<StudyAction | undefined> =>
  connection.maybeOne<StudyAction>(sql.fragment`${select} WHERE id = ${id}`)

export const actionsToWorkOn = async (connection: Connection): Promise<readonly string[]> =>
  (await connection.any<{ id: string }>(sql.fragment`SELECT id FROM study_action WHERE ended_at IS NULL`)).map(
    ({ id }) => id,
  )

/** The next that nobody has begun. */
export const itemsToDo = (connection: Connection, id: string, count: number): Promise<readonly StudyActionItem[]> =>
  connection.any<StudyActionItem>(sql.fragment`
    SELECT item, target FROM study_action_item WHERE action = ${id} AND NOT begun ORDER BY item LIMIT ${count}`)

/** Of any number at once, one is told true. */
export const beginItem = async (connection: Connection, id: string, item: number): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE study_action_item SET begun = TRUE WHERE action = ${id} AND item = ${item} AND NOT begun`)) > 0

/** Says what came of it: done, or why it was not. */
export const settleItem = async (
  connection: Connection,
  id: string,
  item: number,
  refusal: string | undefined,
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_action_item SET done = TRUE, refusal = ${refusal ?? null} WHERE action = ${id} AND item = ${item}`)
}

/** What nobody has begun is not done any more. */
export const refuseRest = async (connection: Connection, id: string, refusal: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_action_item SET begun = TRUE, done = TRUE, refusal = ${refusal} WHERE action = ${id} AND NOT begun`)
}

/** Where nothing is left to begin. What somebody has begun and not settled is `cutShort`: they are there no more. */
export const endAction = async (connection: Connection, id: string, cutShort: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study_action_item SET done = TRUE, refusal = ${cutShort} WHERE action = ${id} AND begun AND NOT done`)
  await connection.run(sql.fragment`UPDATE study_action SET ended_at = now() WHERE id = ${id} AND ended_at IS NULL`)
}

/** The first that were not done, behind an item. */
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
