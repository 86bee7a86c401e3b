import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { aMomentEach, inTries } from './in-tries.ts'

/**
 * Moves a large record before others have to wait for it, in statements that all end soon. Nobody sees it before the transaction is committed. Others go
 * on writing, for the same patients too: what they add meanwhile is moved by `join_compartments`. Only whoever changes what has moved already waits.
 */
export const moveAhead = async (connection: Connection, kept: number, moved: number): Promise<void> => {
  const types = await connection.any<{ type: number }>(
    sql.fragment`SELECT type FROM types_of_many(${moved}, ${partSize}) AS type`,
  )
  for (const { type } of types) await moveResources(connection, type, { kept, moved })
  await moveAuditShown(connection, { kept, moved })
  // The last, since an app that sends documents once more waits for their keys.
  if (types.length > 0) await moveUploadKeys(connection, { kept, moved })
}

/** A quarter of a second on a busy machine. */
const partSize = 1000

type Numbers = { readonly kept: number; readonly moved: number }

const moveResources = (connection: Connection, type: number, { kept, moved }: Numbers): Promise<void> =>
  inParts(
    connection,
    { last: '0' as string | null },
    ({ last }) =>
      sql.fragment`SELECT move_resources(${kept}, ${moved}, ${type}::smallint, ${last}::bigint, ${partSize}) AS last`,
  )

const moveAuditShown = (connection: Connection, { kept, moved }: Numbers): Promise<void> =>
  inParts(
    connection,
    { last: '-infinity' as string | null, pk: '0' },
    ({ last, pk }) =>
      sql.fragment`
      SELECT after_recorded::text AS last, after_pk AS pk
      FROM move_audit_shown(${kept}, ${moved}, ${last}::timestamptz, ${pk}::bigint, ${partSize})`,
  )

const moveUploadKeys = (connection: Connection, { kept, moved }: Numbers): Promise<void> =>
  inParts(
    connection,
    { last: noUuid as string | null, kind: 0 },
    ({ last, kind }) =>
      sql.fragment`
      SELECT after_key AS last, after_kind AS kind
      FROM move_upload_keys(${kept}, ${moved}, ${kind}::smallint, ${last}::uuid, ${partSize})`,
  )

const noUuid = '00000000-0000-0000-0000-000000000000'

/** Each part begins after the last row of the one before. Somebody may be changing some of it, for as long as a long list takes. */
const inParts = async <Last extends { readonly last: string | null }>(
  connection: Connection,
  first: Last,
  part: (after: Last) => SqlFragment,
): Promise<void> => {
  for (let after = first; after.last !== null; ) {
    const next = part(after)
    after = await inTries(connection, () => connection.one<Last>(next), aMomentEach)
  }
}
