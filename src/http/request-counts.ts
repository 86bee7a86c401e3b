import { hash } from 'node:crypto'
import type { FastifyRateLimitOptions, FastifyRateLimitStore } from '@fastify/rate-limit'

/**
 * How many requests came from whom, for @fastify/rate-limit. A window of time ends by the monotonic clock, which nobody sets back: with the library's
 * own store, which goes by the time of day, a clock that is set back by three hours makes each window that has begun three hours longer.
 */
export class RequestCounts implements FastifyRateLimitStore {
  readonly #most: number
  /**
   * By a hash of the key, beginning with the one that has not come for the longest time. A key may be long, and as a part of a request it would keep
   * the whole of it in memory.
   */
  readonly #counted = new Map<string, Counted>()

  constructor({ cache = mostKeys }: Options) {
    this.#most = cache
  }

  incr(whom: string, done: Done, windowMs: number): void {
    const [key, now] = [hash('sha256', whom, 'base64'), performance.now()]
    const known = this.#counted.get(key)
    const counted = known !== undefined && now < known.until ? known : { current: 0, until: now + windowMs }
    counted.current += 1
    this.#counted.delete(key)
    this.#makeRoom()
    this.#counted.set(key, counted)
    done(null, { current: counted.current, ttl: counted.until - now })
  }

  child(options: Options): RequestCounts {
    return new RequestCounts(options)
  }

  #makeRoom(): void {
    const [oldest] = this.#counted.keys()
    if (this.#counted.size >= this.#most && oldest !== undefined) this.#counted.delete(oldest)
  }
}

/** `cache`: of how many keys it keeps count at most. */
type Options = FastifyRateLimitOptions & { readonly cache?: number }

type Counted = { current: number; readonly until: number }

type Done = (error: Error | null, result?: { readonly current: number; readonly ttl: number }) => void

const mostKeys = 5000
