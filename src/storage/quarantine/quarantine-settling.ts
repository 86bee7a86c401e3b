import type { Caller } from '../../access/caller.ts'
import { callerOfCopy, isRevoked } from '../authorization/token.ts'
import { type TokenRow, toCaller } from '../authorization/token-row.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isCalledOff } from '../study/app-invitation.ts'
import type { Writing } from '../write/write.ts'
import type { QuarantineKeepers, Settled, Settling } from './quarantine-asked.ts'
import { keepersRows, ofKeptOrganization, ofKeptStudy } from './quarantined.ts'
import type { AskedAs } from './refused-upload.ts'

/** What was sent, and who its sender is now; absent if their token, or app, was revoked. */
export type Replayable = Pick<AskedAs, 'ifNoneExist' | 'isLost'> & {
  readonly sent: string
  /** For an update: what it is to change; without a version if there was none. */
  readonly update?: { readonly id?: string; readonly version?: string }
  readonly sender: Caller | undefined
  /** How often it had been sent. */
  readonly times: number
}

/**
 * Undefined if it is not waiting. No access is checked, since the answer is shown to nobody. In one statement: what one sender has sent is not taken
 * with the rights of another who sends the same.
 */
export const findReplayable = async (connection: Connection, id: string): Promise<Replayable | undefined> => {
  const row = await connection.maybeOne<ReplayableRow>(sql.fragment`
    SELECT document.sent, document.if_none_exist, document.interaction, document.target, document.version, document.is_lost, document.times,
      ${isTakenFrom} AS taken, sender.*
    FROM quarantined_document AS document
    LEFT JOIN LATERAL (${callerOfCopy(sql.fragment`quarantined_document`, sql.fragment`document.id`)}) AS sender ON TRUE
    WHERE document.id = ${id}::uuid AND document.state = 'waiting'`)
  if (row === undefined) return undefined
  const { sent, if_none_exist: ifNoneExist, interaction, target, version, is_lost: isLost, times } = row
  const update = {
    ...(target !== null && { id: target }),
    ...(version !== null && { version: String(version) }),
  }
  return {
    sent,
    times,
    sender: row.taken || row.kind === null ? undefined : toCaller(row),
    ...(ifNoneExist !== null && { ifNoneExist }),
    ...(interaction === 'update' && { update }),
    ...(isLost && { isLost }),
  }
}

type ReplayableRow = KeptRow & (TokenRow | { readonly kind: null })

type KeptRow = {
  readonly sent: string
  readonly if_none_exist: string | null
  readonly interaction: 'create' | 'update'
  readonly target: string | null
  readonly version: number | null
  readonly is_lost: boolean
  readonly times: number
  readonly taken: boolean
}

/**
 * Whether the right with which it came was revoked, which is not the same as an expired token. An earlier version did not keep tokens for what waits:
 * if one is gone, its grant or its client tells; if it has neither, it counts as revoked.
 */
const isTakenFrom = sql.fragment`(
  ${isRevoked(sql.fragment`document`)} OR ${isCalledOff(sql.fragment`document.grant_id`)}
  OR EXISTS (SELECT FROM authorization_grant AS given WHERE given.id = document.grant_id AND given.revoked_at IS NOT NULL)
  OR EXISTS (SELECT FROM client WHERE client.id = document.client_id AND client.disabled_at IS NOT NULL)
  OR (document.grant_id IS NULL AND document.kind <> 'client'
    AND NOT EXISTS (SELECT FROM token AS own WHERE own.hash = document.hash)))`

/** False if it is not waiting any more, or has been sent again. Until the transaction ends, nobody else has it taken, removes it or sends it. */
export const holdWaiting = async (connection: Connection, id: string, times: number): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM quarantined_document
    WHERE id = ${id}::uuid AND state = 'waiting' AND times = ${times} FOR UPDATE`)) !== undefined

/**
 * Notes, for whoever looks after it, what became of a waiting document. If one study removes it, it stays for the others that it belongs to.
 * Undefined if it is not waiting, or not theirs.
 */
export const settleQuarantined = async (
  connection: Connection,
  writing: Writing,
  id: string,
  keepers: QuarantineKeepers,
  settling: Settling,
): Promise<Settled | undefined> => {
  const theirs = sql.fragment`document.id = ${id}::uuid AND document.state = 'waiting' AND (${ofKeptOrganization} OR ${ofKeptStudy})`
  const answer = sql.fragment`document.interaction, coalesce((
    SELECT compartment.patient_id FROM patient_compartment AS compartment WHERE compartment.id = document.patient), 0) AS "patientId"`
  const settled = await connection.maybeOne<Settled>(sql.fragment`
    WITH ${keepersRows(writing, keepers)}
    UPDATE quarantined_document AS document SET ${changeOf(settling)}, settled_by = ${writing.principal.id}
    WHERE ${theirs} ${settling.kind === 'removed' ? sql.fragment`AND (${ofKeptOrganization} OR NOT ${ofOtherStudies})` : sql.fragment``}
    RETURNING ${answer}`)
  if (settled !== undefined || settling.kind !== 'removed') return settled
  const left = await connection.any<Settled>(sql.fragment`
    WITH ${keepersRows(writing, keepers)}
    DELETE FROM quarantined_for AS told USING quarantined_document AS document
    WHERE ${theirs} AND told.id = document.id AND told.study_id IN (SELECT id FROM led)
    RETURNING ${answer}`)
  return left[0]
}

const ofOtherStudies = sql.fragment`EXISTS (
  SELECT FROM quarantined_for AS other WHERE other.id = document.id AND other.study_id NOT IN (SELECT id FROM led))`

/** Its content is deleted: an Observation has it now, or nobody wants it. */
export const gone = sql.fragment`sent = NULL, face = NULL, issues = NULL, if_none_exist = NULL`

const changeOf = (settling: Settling): SqlFragment => {
  switch (settling.kind) {
    case 'taken':
      return sql.fragment`state = 'taken', tried_at = now(), refusal = NULL, observation = ${settling.observation}, ${gone}`
    case 'refused':
      return sql.fragment`tried_at = now(), refusal = ${settling.refusal}`
    case 'removed':
      return sql.fragment`state = 'removed', ${gone}`
  }
}
