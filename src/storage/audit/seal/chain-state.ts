import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { laterThan } from './sealed-rows.ts'

/** The state of the chain, to the full hour: how many seals there are, and when each was made, would reveal how much others do. */
export type ChainState = {
  /** The newest seal that was made before this hour; undefined if there is none. */
  readonly sealed: { readonly at: Date; readonly head: string } | undefined
  /** Whether something has waited for its seal for longer than a minute. */
  readonly isLate: boolean
  readonly verified: { readonly at: Date; readonly isWhole: boolean } | undefined
}

export const readChainState = async (connection: Connection): Promise<ChainState> => {
  const sealed = await connection.maybeOne<{ at: Date; head: string }>(sql.fragment`
    SELECT date_trunc('hour', sealed) AS at, encode(head, 'hex') AS head FROM audit_seal
    WHERE sealed < date_trunc('hour', now()) ORDER BY seal DESC LIMIT 1`)
  const last = await connection.maybeOne<{ epoch: number; snapshot: string }>(sql.fragment`
    SELECT epoch, snapshot::text AS snapshot FROM audit_seal ORDER BY seal DESC LIMIT 1`)
  const { isLate } = await connection.one<{ isLate: boolean }>(sql.fragment`
    SELECT coalesce(min(recorded) < now() - interval '1 minute', FALSE) AS "isLate" FROM audit_record
    WHERE ${last === undefined ? sql.fragment`TRUE` : sql.fragment`epoch = ${last.epoch} AND ${laterThan(last.snapshot)}`}`)
  const verified = await connection.maybeOne<{ at: Date; isWhole: boolean }>(sql.fragment`
    SELECT verified AS at, is_whole AS "isWhole" FROM audit_verification ORDER BY verified DESC LIMIT 1`)
  return { sealed, isLate, verified }
}

/** Notes that the whole chain was verified. */
export const noteVerification = async (
  connection: Connection,
  { isWhole }: { readonly isWhole: boolean },
): Promise<void> => {
  await connection.run(sql.fragment`INSERT INTO audit_verification (is_whole) VALUES (${isWhole})`)
}
