import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { hold } from '../hold.ts'
import { exclusive } from '../lock-keys.ts'
import type { Stored } from '../store.ts'

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
  if (named.length > 0) await hold(connection, 'place', exclusive(named.map(({ type, id }) => `${typeId(type)}/${id}`)))
}
