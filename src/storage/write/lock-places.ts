import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { columnOf, sql } from '../sql.ts'
import type { Stored, Write } from '../store.ts'
import { typeWritten } from '../type-written.ts'

export type Named = Pick<Stored, 'type' | 'id'>

/**
 * Locks what is going to be changed until the transaction ends, all of it at once and in one order, however it is named. So of two transactions
 * that change the same resources, one waits for the other, and they never wait for each other. What is not there is passed over.
 */
export const lockPlaces = async (
  connection: Connection,
  asking: Pick<Asking, 'typeId'>,
  named: readonly Named[],
): Promise<void> => {
  // A single one is locked when it is changed.
  if (named.length > 1) await holdPlaces(connection, asking, named)
}

/** The same, for a single one as well. */
export const holdPlaces = async (
  connection: Connection,
  { typeId }: Pick<Asking, 'typeId'>,
  named: readonly Named[],
): Promise<void> => {
  const asked = [...new Map(named.map(one => [`${one.type}/${one.id}`, one])).values()]
  await connection.any(sql.fragment`
    SELECT FROM unnest(
      ${columnOf(asked, ({ type }) => typeId(type), 'int2')},
      ${columnOf(asked, ({ id }) => id, 'text')}) AS asked(type_id, id)
    JOIN resource_identity USING (type_id, id)
    ORDER BY resource_identity.type_id, resource_identity.id
    FOR UPDATE OF resource_identity`)
}

/** The stored resources that the writes are about. */
export const changedBy = (writes: readonly Write[]): readonly Named[] =>
  writes.flatMap(write => (write.kind === 'create' ? [] : { type: typeWritten(write), id: write.id }))
