import type { Logger } from 'pino'

/** Of work that nobody waits for. */
export type ReportFault = (fault: unknown) => void

type Options = {
  readonly log: Pick<Logger, 'error'>
  /** In ms, as `Date.now` has it. */
  readonly now?: () => number
}

/**
 * Writes what goes wrong in the background into the log. What looks for work several times a second meets the same fault each time, as
 * while a database is away: it is told once a minute, with `repeated`, how often it was met since it was told last.
 */
export const openFaults = ({ log, now = Date.now }: Options): ReportFault => {
  const told = new Map<string, Told>()
  return fault => {
    const error = asError(fault)
    const name = nameOf(error)
    const last = told.get(name)
    const at = now()
    if (last !== undefined && at - last.at < quietMs) {
      last.repeated += 1
      return
    }
    forget(told, at - 2 * quietMs)
    told.set(name, { at, repeated: 0 })
    const repeated = last?.repeated ?? 0
    log.error(repeated === 0 ? { err: error } : { err: error, repeated }, error.message)
  }
}

const forget = (told: Map<string, Told>, before: number): void => {
  for (const [name, { at }] of told) if (at < before) told.delete(name)
}

type Told = { readonly at: number; repeated: number }

const quietMs = 60_000

/** pg-boss tells the fields of an error, which are none by their type. */
const asError = (fault: unknown): Error => {
  if (fault instanceof Error) return fault
  const { message, stack, ...fields } = typeof fault === 'object' && fault !== null ? ({ ...fault } as Fields) : {}
  const error = Object.assign(new Error(typeof message === 'string' ? message : String(fault)), fields)
  if (typeof stack === 'string') error.stack = stack
  return error
}

type Fields = { readonly message?: unknown; readonly stack?: unknown }

const nameOf = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${nameOf(error.cause)}` : error.message
