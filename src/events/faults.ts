import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'

/** For faults in work that nobody waits for. */
export type ReportFault = (fault: unknown) => void

type Options = {
  readonly log: Pick<Logger, 'error'>
  /** In ms, by a clock that nobody sets back. */
  readonly now?: () => number
  /** Called for each of them, also for those that are not logged again. */
  readonly onFault?: () => void
}

/**
 * Logs what goes wrong in the background. Work that runs several times a second meets the same fault each time, for example while the database is
 * away. It is logged once a minute, with `repeated`: how often it was met since it was last logged.
 */
export const openFaults = ({ log, now = () => performance.now(), onFault }: Options): ReportFault => {
  const told = new LRUCache<string, Told>({ max: 1000 })
  return fault => {
    onFault?.()
    const error = asError(fault)
    const name = nameOf(error)
    const last = told.get(name)
    const at = now()
    if (last !== undefined && at - last.at < quietMs) {
      last.repeated += 1
      return
    }
    told.set(name, { at, repeated: 0 })
    const repeated = last?.repeated ?? 0
    log.error(repeated === 0 ? { err: error } : { err: error, repeated }, error.message)
  }
}

type Told = { readonly at: number; repeated: number }

const quietMs = 60_000

/** pg-boss reports an object with the fields of an Error. */
const asError = (fault: unknown): Error => (isErrorLike(fault) ? fault : new Error(String(fault)))

const isErrorLike = (fault: unknown): fault is Error =>
  typeof fault === 'object' && fault !== null && 'message' in fault && typeof fault.message === 'string'

const nameOf = ({ message, cause }: Error): string =>
  isErrorLike(cause) ? `${withoutWorker(message)}: ${nameOf(cause)}` : withoutWorker(message)

/** To the fault that all of them meet, each of the queue's workers adds its own name. */
const withoutWorker = (message: string): string => message.replace(/ \(Queue: [^()]*\)$/, '')
