import type { Connection } from './connection.ts'
import type { Keys } from './lock-keys.ts'
import { type LockKind, locks } from './lock-order.ts'

/** Holds these locks until the transaction ends, in the one order. */
export const hold = async (connection: Connection, kind: LockKind, keys: Keys): Promise<void> => {
  await connection.take(kind, keys, () => connection.any(locks[kind].waiting(keys)))
}

/** The same. What is asked next waits for them, and not whoever asks it. */
export const holdLater = async (connection: Connection, kind: LockKind, keys: Keys): Promise<void> => {
  await connection.take(kind, keys, async () => {
    await connection.later(locks[kind].waiting(keys))
    return kind
  })
}
