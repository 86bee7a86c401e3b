import type { Command } from 'commander'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.ts'
import { baseUrlOf, type Config, readConfig } from '../config.ts'
import type { Event, Tell } from '../events/event.ts'
import { logEvents, openLog } from '../events/log.ts'
import { portOf } from '../http/server.ts'
import { startError } from '../start-error.ts'
import { migrate } from '../storage/migrate.ts'
import { openPostgres, type Postgres } from '../storage/postgres.ts'
import { secretKeyOf } from '../storage/secret-key.ts'
import { stopOnSignals } from './stop-on-signals.ts'

export const serveCommand = (program: Command): void => {
  program
    .command('serve')
    .description('start the server, with a PostgreSQL of its own unless DATABASE_URL names another')
    .action(async () => {
      await serve(readConfig())
    })
}

/** A server that listens, and all that stops with it. */
export type Running = {
  readonly address: string
  readonly databaseUrl: string
  /** Finishes the requests under way, within SHUTDOWN_TIMEOUT_MS, then ends the database. */
  readonly close: () => Promise<void>
}

/** Runs until a signal ends the process. */
export const serve = async (config: Config): Promise<Running> => {
  const log = openLog(config.logLevel)
  const write = logEvents(log)
  const tell = (event: Event) => {
    write(event)
    if (event.kind === 'database-lost') stop('database lost', 1)
  }
  const started = start(config, log, tell)
  const stop = stopOnSignals(async () => (await started).close(), tell)
  const running = await started
  tell({ kind: 'server-ready', address: running.address })
  return running
}

const start = async (config: Config, log: ReturnType<typeof openLog>, tell: Tell): Promise<Running> => {
  const secretKey = await secretKeyOf(config, tell)
  const postgres = await openPostgres(config, tell)
  try {
    await migrate(postgres.url, tell)
    const server = await buildApp({ config, log, databaseUrl: postgres.url, secretKey })
    await listen(server, config)
    const address = baseUrlOf(config, portOf(server) ?? config.port)
    return { address, databaseUrl: postgres.url, close: () => drain(server, postgres, config.shutdownTimeoutMs) }
  } catch (error) {
    await postgres.close()
    throw error
  }
}

const listen = async (server: FastifyInstance, { host, port }: Config): Promise<void> => {
  try {
    await server.listen({ host, port, listenTextResolver: origin => `Listening on ${origin}` })
  } catch (error) {
    await server.close()
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = refusals[code]
    throw reason === undefined ? error : startError(`Cannot listen on ${host}, port ${port}: ${reason}`, error)
  }
}

const refusals: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop what uses it, or set PORT',
  EACCES: 'this user may not use that port; set PORT to 1024 or above',
  EADDRNOTAVAIL: 'this machine does not have that address; set HOST',
  ENOTFOUND: 'there is no such host; set HOST',
}

const drain = async (server: FastifyInstance, postgres: Postgres, timeoutMs: number): Promise<void> => {
  const cut = setTimeout(() => server.server.closeAllConnections(), timeoutMs)
  await server.close()
  clearTimeout(cut)
  await postgres.close()
}
