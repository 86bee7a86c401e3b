import { FhirError } from '../fhir/error.ts'
import type { Connection, Take } from './connection.ts'
import type { Keys } from './lock-keys.ts'
import { type LockKind, lockOrder, locks } from './lock-order.ts'
import { waitAlone } from './write/turn-to-join.ts'

export type Locking = {
  /** At the beginning of each attempt. */
  readonly begin: (connection: Connection) => Promise<Take>
  /** Before it is committed. Throws if it gave way in a part of it, even if that part was undone and the rest went on: the next attempt can do all. */
  readonly end: () => void
}

/** For the attempts of one transaction: what one has learnt, the next takes ahead. */
export const openLocking = (): Locking => {
  const ahead: Held = new Map()
  let lost = 0
  let gaveWay = false
  return {
    begin: async connection => {
      const held: Held = new Map()
      gaveWay = false
      for (const kind of lockOrder) {
        const keys = ahead.get(kind)
        if (keys === undefined) continue
        await (kind === 'alone' ? waitAlone(connection) : connection.any(locks[kind].waiting(keys)))
        note(held, kind, keys)
      }
      return async (kind, keys, run) => {
        if (!mayWait(held, kind, keys) && lost < mostLost && !(await areFree(connection, kind, keys))) {
          lost += 1
          gaveWay = true
          for (const [one, of] of held) note(ahead, one, of)
          note(ahead, kind, keys)
          throw outOfTurn()
        }
        const done = await run()
        if (done !== undefined) note(held, kind, keys)
        return done
      }
    },
    end: () => {
      if (gaveWay) throw outOfTurn()
    },
  }
}

const areFree = async (connection: Connection, kind: LockKind, keys: Keys): Promise<boolean> =>
  (await connection.one<{ areFree: boolean }>(locks[kind].trying(keys))).areFree

type Held = Map<LockKind, Map<string, 'shared' | 'exclusive'>>

/** After that it waits in whatever order, as PostgreSQL gives up one of those who wait for each other. */
const mostLost = 3

const note = (held: Held, kind: LockKind, keys: Keys): void => {
  if (keys.size === 0) return
  const known = held.get(kind) ?? new Map()
  for (const [key, mode] of keys) if (known.get(key) !== 'exclusive') known.set(key, mode)
  held.set(kind, known)
}

/**
 * One that is held is taken again without waiting. If it was taken in a part that was undone, it is not held any more, and is waited for out of turn: so
 * seldom that PostgreSQL may settle it.
 */
const mayWait = (held: Held, kind: LockKind, keys: Keys): boolean => {
  const known = held.get(kind)
  const isHeld = [...keys].every(([key, mode]) => known?.get(key) === 'exclusive' || known?.get(key) === mode)
  return isHeld || !lockOrder.slice(lockOrder.indexOf(kind)).some(one => held.has(one))
}

class OutOfTurn extends Error {}

const outOfTurn = (): FhirError =>
  new FhirError('transient', 'The database was busy with a conflicting change; try again', {
    cause: new OutOfTurn('a lock was held by somebody who may wait for one that is held here'),
  })

export const isOutOfTurn = (error: unknown): boolean => error instanceof FhirError && error.cause instanceof OutOfTurn
