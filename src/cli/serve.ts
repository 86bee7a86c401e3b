import type { Command } from 'commander'
import { inviteFirstAdministrator } from '../accounts/sign-up/new-account.ts'
import { buildApp } from '../app.ts'
import { smsBy } from '../config/sms.ts'
import { baseUrlOf, type Config, hasOutbox, readConfig } from '../config.ts'
import type { Event, Tell } from '../events/event.ts'
import { logEvents, openLog } from '../events/log.ts'
import { FhirError } from '../fhir/error.ts'
import { drain, listen, portOf } from '../http/listen.ts'
import { startError, startLineOf } from '../start-error.ts'
import { openDatabase } from '../storage/database.ts'
import { migrate } from '../storage/postgres/migrate.ts'
import { openPostgres } from '../storage/postgres/postgres.ts'
import { joinServers } from '../storage/postgres/servers-alike.ts'
import { failure, hasNoConnection, isLost } from '../storage/postgres/sql-state.ts'
import { secretKeyOf } from '../storage/secret/secret-key.ts'
import { stopOnSignals } from './stop-on-signals.ts'

export const serveCommand = (program: Command): void => {
  program
    .command('serve')
    .description('start the server, with a PostgreSQL of its own unless DATABASE_URL names another')
    .action(async () => {
      await serve(readConfig())
    })
}

/** A server that listens, and the database behind it. */
export type Running = {
  readonly address: string
  readonly databaseUrl: string
  /** Finishes requests and background work within SHUTDOWN_TIMEOUT_MS, and then ends the database. A second call waits for the same end. */
  readonly close: () => Promise<void>
}

/** Runs until a signal ends the process. */
export const serve = async (config: Config): Promise<Running> => {
  const log = openLog(config.logLevel)
  const write = logEvents(log)
  const tell = (event: Event) => {
    write(event)
    if (event.kind === 'database-lost') stop('The database is gone', 1)
  }
  const started = start(config, log, tell)
  const stop = stopOnSignals(() => started.then(running => running.close(), untilEnded), tell)
  const running = await started
  tell({ kind: 'server-ready', address: running.address })
  return running
}

/** Whoever waits for a start that fails says why, and ends the process: an end by the database's own end would come before that was said. */
const untilEnded = (): Promise<void> => new Promise(() => {})

/**
 * Subscribers are told half a second after a change; one that does not answer gets a quarter of an hour. Messages wait for a day for a server that is
 * away.
 */
export const work = { pauseMs: 500, retries: 9, retriesWhileAway: 104 }

const start = async (config: Config, log: ReturnType<typeof openLog>, tell: Tell): Promise<Running> => {
  const secretKey = await secretKeyOf(config, tell)
  const postgres = await openPostgres(config, tell).catch(async error => {
    throw await inOneLineIfAway(error)
  })
  let joined: Awaited<ReturnType<typeof joinServers>> | undefined
  try {
    joined = await joinServers(postgres.url, alikeOf(config))
    await migrate(postgres.url, tell)
    const app = await buildApp({ config, log, databaseUrl: postgres.url, secretKey, work, publishes: true })
    await listen(app, config)
    const end = async () => {
      try {
        if (!(await drain(app, config.shutdownTimeoutMs))) tell({ kind: 'work-cut-off' })
      } finally {
        await joined?.close()
        await postgres.close()
      }
    }
    let ended: Promise<void> | undefined
    const close = () => {
      ended ??= end()
      return ended
    }
    const address = baseUrlOf(config, portOf(app) ?? config.port)
    await wantAdministrator(postgres.url, address, tell)
    return { address, databaseUrl: postgres.url, close }
  } catch (error) {
    await joined?.close()
    await postgres.close()
    const fullDisk = hasLostConnection(error) ? await postgres.fullDisk() : undefined
    if (fullDisk !== undefined) throw startError(`PostgreSQL ended while the server started: ${fullDisk}`, error)
    throw hasNoConnection(error) ? tooFewConnections(config, error) : await inOneLineIfAway(error)
  }
}

/** The port is only known later if the system chooses it: then somebody tries something out, and one server is like the other. */
const alikeOf = (config: Config) => {
  const { smtpUrl } = config
  const email = { none: 'no e-mail', log: 'e-mail into the log' }[smtpUrl] ?? 'e-mail by SMTP_URL'
  const sms = { none: 'no text messages', twilio: 'text messages by Twilio', gateway: 'text messages by a gateway' }
  return {
    address: baseUrlOf(config, config.port),
    ways: hasOutbox(config) ? 'shown at /outbox' : `${email}, ${sms[smsBy(config)]}`,
  }
}

/** A full disk may also end PostgreSQL, and all that is told of that is the end of a connection. */
const hasLostConnection = (error: unknown): boolean => isLost(error instanceof Error ? (error.cause ?? error) : error)

const tooFewConnections = ({ poolSize }: Config, cause: unknown): Error =>
  startError(
    `The database has no connection free, and this server opens up to ${2 * poolSize + 15}: set POOL_SIZE lower, or max_connections of the database higher`,
    cause,
  )

/** Several open connections of their own, and any of them may be the first that the database refuses: ours tell of it in our words, the queue in pg's. */
const inOneLineIfAway = async (error: unknown): Promise<unknown> => {
  if (startLineOf(error) !== undefined) return error
  const told = error instanceof FhirError ? error : await failure(async fault => fault)(error).catch(known => known)
  return told instanceof FhirError && told.status === 503
    ? startError(`The server did not start: ${told.message}`, error)
    : error
}

const wantAdministrator = async (databaseUrl: string, address: string, tell: Tell): Promise<void> => {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  try {
    const secret = await inviteFirstAdministrator(database)
    if (secret !== undefined) tell({ kind: 'administrator-wanted', link: `${address}/new-account?link=${secret}` })
  } finally {
    await database.close()
  }
}
