import { hash } from 'node:crypto'
import type { FastifyRateLimitOptions, FastifyRateLimitStore } from '@fastify/rate-limit'
import { LRUCache } from 'lru-cache'

/**
 * How many requests came from whom, for @fastify/rate-limit. A window of time ends by the monotonic clock, which nobody sets back: with the library's
 * own store, which goes by the time of day, a clock that is set back by three hours makes each window that has begun three hours longer.
 */
export class RequestCounts implements FastifyRateLimitStore {
  /** By a hash of the key, which may be long, and as a part of a request would keep the whole of it in memory. */
  readonly #counted: LRUCache<string, Counted>

  /** With `max`, each of the many routes with a limit would take room for all keys at its start. */
  constructor({ cache = mostKeys }: Options) {
    const memoMethod = () => ({ current: 0 })
    this.#counted = new LRUCache({ maxSize: cache, sizeCalculation: () => 1, ttlResolution: 0, memoMethod })
  }

  incr(whom: string, done: Done, windowMs: number): void {
    const key = hash('sha256', whom, 'base64')
    const counted = this.#counted.memo(key, { ttl: windowMs })
    counted.current += 1
    done(null, { current: counted.current, ttl: this.#counted.getRemainingTTL(key) })
  }

  child(options: Options): RequestCounts {
    return new RequestCounts(options)
  }
}

/** `cache`: of how many keys it keeps count at most. */
type Options = FastifyRateLimitOptions & { readonly cache?: number }

type Counted = { current: number }

type Done = (error: Error | null, result?: { readonly current: number; readonly ttl: number }) => void

const mostKeys = 5000
