import type { Keys } from './lock-keys.ts'
import type { LockKind } from './lock-order.ts'
import type { SqlFragment } from './sql.ts'

/** Runs SQL, inside a transaction or not. Rows come as pg reads them: bigint as text, timestamptz as Date. */
export type Connection = {
  readonly any: <Row>(query: SqlFragment) => Promise<readonly Row[]>
  /** The same, for a statement whose best plan is the same for all values: it is not planned again for each of them. */
  readonly kept: <Row>(query: SqlFragment) => Promise<readonly Row[]>
  /** Exactly one row is expected; none or several are a fault. */
  readonly one: <Row>(query: SqlFragment) => Promise<Row>
  readonly maybeOne: <Row>(query: SqlFragment) => Promise<Row | undefined>
  /** Answers how many rows it touched. */
  readonly run: (query: SqlFragment) => Promise<number>
  /**
   * For statements whose result is not needed. In a transaction they are sent and not waited for, but the commit fails unless they succeed; elsewhere
   * they are done when this returns.
   */
  readonly later: (query: SqlFragment) => Promise<void>
  /** Takes locks in the one order. Outside of a transaction they are not kept. */
  readonly take: Take
}

/**
 * Carries out what waits for a lock of that kind, if the transaction may wait for it. If it holds one already that comes later in the order, whoever has
 * this one may wait for that: then it only looks whether this one is free. If it is not, the transaction is rolled back and run anew, and takes at its
 * beginning, in their order, all the locks that it turned out to need. `run` answers undefined if it found nothing to lock.
 */
export type Take = <Done>(kind: LockKind, keys: Keys, run: () => Promise<Done>) => Promise<Done>
