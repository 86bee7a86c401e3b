import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { baseUrlOf, type Config } from '../config.ts'
import { startError } from '../start-error.ts'

/** Throws a start error if the address is not available. */
export const listen = async (server: FastifyInstance, { host, port }: Pick<Config, 'host' | 'port'>): Promise<void> => {
  try {
    await server.listen({ host, port, listenTextResolver: origin => `Listening on ${origin}` })
  } catch (error) {
    await server.close()
    const reason = refusals[error instanceof Error && 'code' in error ? String(error.code) : '']
    throw reason === undefined ? error : startError(`Cannot listen on ${host}, port ${port}: ${reason}`, error)
  }
}

const refusals: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop what uses it, or set PORT',
  EACCES: 'this user may not use that port; set PORT to 1024 or above',
  EADDRNOTAVAIL: 'this machine does not have that address; set HOST',
  ENOTFOUND: 'there is no such host; set HOST',
}

/**
 * The address at which clients find the server. Remembered as soon as it listens, since every answer contains it, and the port would be looked up in
 * the system each time.
 */
export const openAddress = (server: FastifyInstance, config: Config): (() => string) => {
  let known: string | undefined
  return () => {
    if (known !== undefined) return known
    const port = portOf(server)
    if (port === undefined) return baseUrlOf(config, config.port)
    known = baseUrlOf(config, port)
    return known
  }
}

/** The port that the server really listens on; undefined before that. */
export const portOf = (server: FastifyInstance): number | undefined => {
  const [address] = server.addresses()
  return typeof address === 'object' ? address.port : undefined
}

/**
 * Accepts no new connections, answers what is under way and waits for background work. Requests that are not done within the time are cut off. False
 * if work was still going on even then: the next server does it again.
 */
export const drain = async (server: FastifyInstance, timeoutMs: number): Promise<boolean> => {
  const cut = setTimeout(() => server.server.closeAllConnections(), timeoutMs)
  // One whose request is answered only now would be kept open for another, which nobody answers any more.
  const idle = setInterval(() => server.server.closeIdleConnections(), idleMs)
  const waiting = new AbortController()
  try {
    return await Promise.race([
      server.close().then(() => true),
      pause(timeoutMs + cuttingMs, false, { signal: waiting.signal }),
    ])
  } finally {
    clearTimeout(cut)
    clearInterval(idle)
    waiting.abort()
  }
}

const cuttingMs = 1000
const idleMs = 100
