import { LRUCache } from 'lru-cache'

/** `short`: the caller has shown it. `likely`: others have, who asked something like it. */
export type Expected = 'short' | 'likely' | 'unknown'

/** How long turns have lasted, by which it is guessed how long the next will. */
export type PastTurns = {
  /** `like`: what questions have in common that take about as long. */
  readonly note: (key: string, like: string, past: { readonly isShort: boolean }) => void
  /** Of a turn that goes on. */
  readonly noteLong: (key: string, like: string) => void
  readonly expected: (key: string, like: string) => Expected
  readonly has: (key: string) => boolean
}

/**
 * What a caller asked last that was like it says the most. Otherwise, what lasted long for somebody lately is not expected to be short, and what did not
 * is, if the last turn of the caller was short, or those of others who asked something like it.
 */
export const openPastTurns = (now: () => number): PastTurns => {
  const byCaller = new LRUCache<string, boolean>({ max: mostKept })
  const byBoth = new LRUCache<string, boolean>({ max: mostKept })
  /** When one last lasted long. */
  const byLike = new LRUCache<string, number>({ max: mostKept })
  const noteLike = (key: string, like: string, isShort: boolean) => {
    byBoth.set(bothOf(key, like), isShort)
    byLike.set(like, isShort ? (byLike.get(like) ?? Number.NEGATIVE_INFINITY) : now())
  }
  return {
    note: (key, like, { isShort }) => {
      byCaller.set(key, isShort)
      noteLike(key, like, isShort)
    },
    noteLong: (key, like) => noteLike(key, like, false),
    expected: (key, like) => {
      const own = byBoth.get(bothOf(key, like))
      if (own !== undefined) return own ? 'short' : 'unknown'
      const longAt = byLike.get(like)
      if (longAt !== undefined && now() - longAt < latelyMs) return 'unknown'
      if (byCaller.get(key) === true) return 'short'
      return longAt === undefined ? 'unknown' : 'likely'
    },
    has: key => byCaller.get(key) !== undefined,
  }
}

const bothOf = (key: string, like: string): string => `${key}\n${like}`

const latelyMs = 10 * 60 * 1000
const mostKept = 10_000
