import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Keeps a sealed letter until it is sent, or until it is out of date after so many minutes. Answers its id. */
export const keepLetter = async (connection: Connection, sealed: string, minutes: number): Promise<string> => {
  const id = uuidv7()
  await connection.run(sql.fragment`
    INSERT INTO letter (id, sealed, ends_at) VALUES (${id}, ${sealed}, now() + make_interval(mins => ${minutes}))`)
  return id
}

/** Undefined if it was sent, has failed, or is out of date. */
export const findWaitingLetter = async (connection: Connection, id: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ sealed: string }>(
      sql.fragment`SELECT sealed FROM letter WHERE id = ${id} AND state = 'waiting' AND ends_at > now()`,
    )
  )?.sealed

export const removeLetter = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM letter WHERE id = ${id}`)
}

/** It is kept until somebody has it sent again. */
export const setLetterFailed = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`UPDATE letter SET state = 'failed' WHERE id = ${id}`)
}

/** `alsoFailed`: those that failed are to be sent again. Answers the ids of all that are to be sent. */
export const waitingLetters = async (
  connection: Connection,
  { alsoFailed = false } = {},
): Promise<readonly string[]> => {
  if (alsoFailed) await connection.run(sql.fragment`UPDATE letter SET state = 'waiting' WHERE state = 'failed'`)
  const rows = await connection.any<{ id: string }>(
    sql.fragment`SELECT id FROM letter WHERE state = 'waiting' AND ends_at > now() ORDER BY id`,
  )
  return rows.map(({ id }) => id)
}

export const dropOldLetters = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM letter WHERE ends_at <= now()`)
}
