import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Invitation } from './invitation.ts'
import { isOpen } from './invitation-state.ts'

/**
 * A code that is about to be sent in the same way as the message. It counts from now on, since nobody knows when it arrives; so does the one before,
 * which is replaced only once this one was sent. Answers false if the invitation has ended.
 */
export const addCode = async (
  connection: Connection,
  { id, message }: Pick<Invitation, 'id' | 'message'>,
  code: Buffer,
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE invitation SET codes_asked = ${askedCodes(isBeingSent)} || jsonb_build_object(
      'code', ${hex(code)}::text, 'message', ${message}::text, 'state', 'sending', 'at', now())
    WHERE id = ${id} AND ${isOpen}`)) > 0

/** It replaces those that were asked for before it, and those that could not be sent, but none that was asked for later and is still being sent. */
export const setCodeSent = async (connection: Connection, id: string, code: Buffer): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE invitation
    SET code = ${sql.binary(code)}, code_expires_at = now() + ${lasting},
      code_message = ${oneAsked(code, sql.fragment`asked.one ->> 'message'`)},
      codes_asked = ${askedCodes(sql.fragment`
        asked.one ->> 'state' = 'sending' AND asked.place > ${oneAsked(code, sql.fragment`asked.place`)}`)}
    WHERE id = ${id} AND ${isAwaited(code)} AND ${isOpen}`)
}

/** It counts no more, and those before it still do. */
export const setCodeUnsent = async (connection: Connection, id: string, code: Buffer): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE invitation SET codes_asked = (
      SELECT jsonb_agg(
        CASE WHEN asked.one ->> 'code' = ${hex(code)} THEN asked.one || '{"state": "unsent"}' ELSE asked.one END
        ORDER BY asked.place)
      FROM jsonb_array_elements(codes_asked) WITH ORDINALITY AS asked (one, place))
    WHERE id = ${id} AND ${isAwaited(code)}`)
}

/** What became of the code that was asked for last, as long as it is not known to be sent; a server that ends while it sends never says. */
export const findCodeState = async (connection: Connection, id: string): Promise<'sending' | 'unsent' | undefined> =>
  (
    await connection.maybeOne<{ readonly state: 'sending' | 'unsent' }>(sql.fragment`
      SELECT codes_asked -> -1 ->> 'state' AS state FROM invitation
      WHERE id = ${id} AND (codes_asked -> -1 ->> 'at')::timestamptz > now() - CASE codes_asked -> -1 ->> 'state'
        WHEN 'sending' THEN interval '2 minutes' ELSE ${lasting} END`)
  )?.state

type Shown = { readonly birthDate: string; readonly code: Buffer }

/**
 * `message`: the message to whose address the code was sent. `late`: the code that was sent last has expired or is used, so none is right. `ended`:
 * this try has ended the invitation; `over`: it had ended before.
 */
type Tried =
  | { readonly answer: 'right'; readonly message: string }
  | { readonly answer: 'wrong' | 'late' | 'ended' | 'over'; readonly message: string | null }

/**
 * Whether both are right, in one statement: no more are tried at once than in a row, and a code works once. The last wrong try that is allowed ends
 * the invitation. If no code can be right, nothing counts as a try.
 */
export const tryProof = async (connection: Connection, id: string, { birthDate, code }: Shown): Promise<Tried> => {
  // Only columns of the row, so that a statement that had to wait for another try judges by what that one has left.
  const isSent = sql.fragment`coalesce(invitation.code = ${sql.binary(code)} AND invitation.code_expires_at > now(), FALSE)`
  const isAsked = sql.fragment`EXISTS (
    SELECT FROM jsonb_array_elements(invitation.codes_asked) WITH ORDINALITY AS asked (one, place)
    WHERE asked.one ->> 'code' = ${hex(code)} AND ${isBeingSent})`
  const isRight = sql.fragment`coalesce(
    (${isSent} OR ${isAsked}) AND ${birthDate} = (
      SELECT person.content ->> 'birthDate' FROM patient_compartment AS compartment
      JOIN patient AS person ON person.patient_id = compartment.patient_id AND person.id = compartment.id
      WHERE compartment.id = invitation.patient), FALSE)`
  const isLate = sql.fragment`(${askedCodes(isBeingSent)} = '[]' AND
    CASE WHEN invitation.code IS NULL THEN invitation.codes_asked <> '[]' ELSE invitation.code_expires_at <= now() END)`
  const isLast = sql.fragment`NOT ${isRight} AND NOT ${isLate} AND tries + 1 >= ${mostTries}`
  const row = await connection.maybeOne<Tried>(sql.fragment`
    UPDATE invitation SET
      tries = CASE WHEN ${isRight} THEN 0 WHEN ${isLate} THEN tries ELSE tries + 1 END,
      code = CASE WHEN ${isRight} THEN NULL ELSE code END,
      code_message = CASE WHEN NOT ${isSent} AND ${isRight} THEN ${oneAsked(code, sql.fragment`asked.one ->> 'message'`)} ELSE code_message END,
      codes_asked = CASE WHEN ${isRight} THEN '[]' ELSE codes_asked END,
      ended_at = CASE WHEN ${isLast} THEN now() END,
      ended_by = CASE WHEN ${isLast} THEN 'tries' END
    WHERE id = ${id} AND ${isOpen} AND (code IS NOT NULL OR codes_asked <> '[]')
    RETURNING code_message AS message,
      CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN ${isLate} THEN 'late' WHEN tries = 0 THEN 'right' ELSE 'wrong' END AS answer`)
  // Somebody whom the answer did not reach shows a code that is used, and so does whoever opens the link once more.
  const open = row ?? (await connection.maybeOne(sql.fragment`SELECT FROM invitation WHERE id = ${id} AND ${isOpen}`))
  return row ?? { answer: open === undefined ? 'over' : 'late', message: null }
}

const mostTries = 5

const lasting = sql.fragment`interval '15 minutes'`

/** For one of `codes_asked`. */
const isBeingSent = sql.fragment`(
  asked.one ->> 'state' = 'sending' AND (asked.one ->> 'at')::timestamptz > now() - ${lasting})`

/** For a row of `invitation`: those of its codes that were asked for and not sent yet, in the order in which they were asked for. */
const askedCodes = (which: SqlFragment): SqlFragment => sql.fragment`(
  SELECT coalesce(jsonb_agg(asked.one ORDER BY asked.place), '[]')
  FROM jsonb_array_elements(invitation.codes_asked) WITH ORDINALITY AS asked (one, place) WHERE ${which})`

const oneAsked = (code: Buffer, what: SqlFragment): SqlFragment => sql.fragment`(
  SELECT ${what} FROM jsonb_array_elements(invitation.codes_asked) WITH ORDINALITY AS asked (one, place)
  WHERE asked.one ->> 'code' = ${hex(code)} LIMIT 1)`

const isAwaited = (code: Buffer): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM jsonb_array_elements(invitation.codes_asked) WITH ORDINALITY AS asked (one, place)
  WHERE asked.one ->> 'code' = ${hex(code)})`

const hex = (code: Buffer): string => code.toString('hex')
