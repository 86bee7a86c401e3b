import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'
import type { LogLevel } from '../config.ts'
import type { Event, Tell } from './event.ts'

/** One JSON line for each entry, on standard output by default. */
export const openLog = (level: LogLevel, destination: DestinationStream = openStandardOutput()): Logger =>
  pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: withoutRowValues } },
    destination,
  )

/**
 * If lines cannot be written, since the disk is full or nobody reads them, the server goes on: they are kept, as far as there is room, and written with
 * a later line.
 */
const openStandardOutput = (): DestinationStream => {
  let givenUpAt = Number.POSITIVE_INFINITY
  const retryEAGAIN = () => performance.now() < givenUpAt
  const output = pino.destination({ dest: 1, minLength: 0, maxLength: mostKeptBytes, retryEAGAIN })
  const writeAll = output.flushSync.bind(output)
  let isFailing = false
  output.on('error', () => {
    isFailing = true
  })
  output.on('write', () => {
    isFailing = false
  })
  // At the end of the process, and for each line of the level `fatal`. It would try again and again, for as long as the disk is full or nobody reads.
  output.flushSync = () => {
    if (isFailing) return
    givenUpAt = performance.now() + mostFlushingMs
    try {
      writeAll()
    } catch {
      // A later line is written with what is kept.
    } finally {
      givenUpAt = Number.POSITIVE_INFINITY
    }
  }
  return output
}

const mostFlushingMs = 1000

/** Some fifty thousand lines. */
const mostKeptBytes = 16 * 1024 * 1024

/** The listener that writes every event into the log. */
export const logEvents =
  (log: Pick<Logger, 'info' | 'warn' | 'fatal'>): Tell =>
  ({ kind, ...event }) => {
    const [level, text] = lines[kind]
    const told = Object.entries(event)
    log[level](
      { event: kind, ...event },
      told.reduce((line, [key, value]) => line.replaceAll(`{${key}}`, () => String(value)), text),
    )
  }

const lines: Readonly<Record<Event['kind'], readonly ['info' | 'warn' | 'fatal', string]>> = {
  'database-created': ['info', 'Made a new database in {folder}'],
  'database-adopted': ['warn', 'PostgreSQL (pid {pid}) was left running by a server that was killed: using it'],
  'database-lost': [
    'fatal',
    'The PostgreSQL of this server has ended, or is being ended by somebody and lets nobody in any more',
  ],
  'migration-applied': ['info', 'Applied {file} in {durationMs} ms'],
  'database-migrated': ['info', 'The database has all migrations'],
  'key-created': ['warn', 'Made a new key in {file}: back it up with the data'],
  'administrator-wanted': [
    'warn',
    'There is no administrator yet. Who opens this link becomes one; it works once, until the next start or for a day: {link}',
  ],
  'clocks-differ': ['warn', 'The clock of this server is {seconds} s {side} that of its database: set both right'],
  'derived-by-older-map': [
    'warn',
    'An older version derived some Observations from their documents, and this one may do it otherwise: run "sharewell reindex"',
  ],
  'server-ready': ['info', 'Sharewell is ready: {address} in a browser, {address}/fhir for apps'],
  'server-stopping': ['info', '{reason}: finishing requests under way, then stopping'],
  'work-cut-off': ['warn', 'Background work was not done in time; it is done again after the next start'],
  'server-stop-failed': ['fatal', 'Could not stop in order: {reason}'],
  'server-stopped': ['info', 'Stopped'],
  'audit-sealed': ['info', 'The audit is sealed up to {seal}:{head}'],
}

/** What PostgreSQL quotes of a row (detail, where, the statement) is health data and stays out of the log. */
const withoutRowValues = (error: Error): object => {
  const { detail, where, internalQuery, hint, ...rest } = stdSerializers.errWithCause(error) as Record<string, unknown>
  const { cause } = error
  return cause instanceof Error ? { ...rest, cause: withoutRowValues(cause) } : rest
}
