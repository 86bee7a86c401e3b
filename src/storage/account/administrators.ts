import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** An account that administers the installation. */
export type Administrator = {
  /** Id of the Person. */
  readonly person: string
  /** Absent if it was taken off the account. */
  readonly email?: string
  /** Whether the account is closed, so that nobody signs in to it. */
  readonly isClosed: boolean
}

export const listAdministrators = async (connection: Connection): Promise<readonly Administrator[]> => {
  const rows = await connection.any<{ person: string; email: string | null; closed: boolean }>(sql.fragment`
    SELECT account.person, account.email, person.content @> '{"active": false}' AS closed
    FROM user_account AS account JOIN person ON person.id = account.person
    WHERE account.administrator ORDER BY account.email, account.person`)
  return rows.map(({ person, email, closed }) => ({ person, isClosed: closed, ...(email !== null && { email }) }))
}

type Ending = {
  readonly person: string
  /** The administrator who ends it; since they keep the right themselves, somebody is left. */
  readonly by: string
}

/**
 * The account stays, without that right. `refused` if whoever ends it is no administrator who can sign in, or it is their own. Within a transaction,
 * so that of two who end each other's at once one stays.
 */
export const endAdministration = async (
  connection: Connection,
  { person, by }: Ending,
): Promise<'ended' | 'ended-before' | 'refused'> => {
  await connection.run(sql.fragment`
    SELECT FROM user_account WHERE administrator ORDER BY person FOR UPDATE`)
  const all = await listAdministrators(connection)
  if (person === by || !all.some(one => one.person === by && !one.isClosed)) return 'refused'
  const ended = await connection.run(sql.fragment`
    UPDATE user_account SET administrator = FALSE WHERE person = ${person} AND administrator`)
  return ended > 0 ? 'ended' : 'ended-before'
}

/** By a link of the operator's, for whoever has lost the right before as for anybody else. */
export const giveAdministration = async (connection: Connection, person: string): Promise<void> => {
  await connection.run(sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person = ${person}`)
}
