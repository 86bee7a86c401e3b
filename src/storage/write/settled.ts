import { fullAccess } from '../../access/access.ts'
import { findCurrent } from '../current.ts'
import type { Connection } from '../database.ts'
import type { Written } from '../store.ts'
import { joinLinked } from './joining.ts'
import type { Writing } from './write.ts'

/**
 * The last of a transaction: what is left to do for its writes is done, and each is answered as it stands. What one has written may have got a next
 * version by another: a place in a study does, by the Consent to it.
 */
export const settled = async (
  connection: Connection,
  writing: Writing,
  written: readonly Written[],
): Promise<readonly Written[]> => {
  await joinLinked(connection, writing)
  const standing: Written[] = []
  for (const one of written) standing.push(await asItStands(connection, writing, one))
  return standing
}

/** Its writer is answered what they have written, whether or not they may read it. */
const asItStands = async (connection: Connection, writing: Writing, written: Written): Promise<Written> => {
  if (written.outcome === 'refused' || written.outcome === 'deleted') return written
  const { type, id } = written
  if (!writing.rewritten.has(`${type}/${id}`)) return written
  const current = await findCurrent(connection, { ...writing, access: fullAccess }, type, id, 'r')
  return current === undefined ? written : { ...written, ...current }
}
