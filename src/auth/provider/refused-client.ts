import { LRUCache } from 'lru-cache'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { recordClientSignIn } from '../../storage/audit/sign-in.ts'
import type { Connection } from '../../storage/database.ts'
import { answerFault } from './answer-fault.ts'

type Parts = { readonly database: Connection; readonly reportFault: (fault: unknown) => void }

/** Records whom the library refuses as a client, before that is answered. If it cannot be recorded, the answer is a fault. */
export const openRefusedClients = ({ database, reportFault }: Parts): ((ctx: KoaContextWithOIDC) => Promise<void>) => {
  const record = openClientRefusals(database)
  return async ctx => {
    const client = isRefused(ctx) ? clientNamed(ctx) : undefined
    if (client === undefined) return
    try {
      await record(client)
    } catch (fault) {
      answerFault({ reportFault }, ctx, fault)
    }
  }
}

/**
 * Records that somebody came as a client without authenticating: once a minute for each client, and not for clients that do not exist, so that
 * nobody can fill the disk.
 */
export const openClientRefusals = (database: Connection): ((client: string) => Promise<void>) => {
  const noted = new LRUCache<string, true>({ max: 10_000, ttl: 60_000, ttlResolution: 0 })
  return async client => {
    if (noted.has(client)) return
    noted.set(client, true)
    let isRecorded = false
    try {
      isRecorded = await recordClientSignIn(database, { client, outcome: 401 })
    } finally {
      if (!isRecorded) noted.delete(client)
    }
  }
}

const isRefused = ({ status, body }: KoaContextWithOIDC): boolean =>
  status === 401 && Object(body).error === 'invalid_client'

/** The library does not know disabled clients, whose attempts should be recorded as well. */
const clientNamed = (ctx: KoaContextWithOIDC): string | undefined =>
  ctx.oidc.entities.Client?.clientId ?? notFound.get(ctx)

/** Notes that the request names a client that does not exist, or is disabled. */
export const noteNotFound = (client: string): void => {
  const { ctx } = Provider
  if (ctx !== undefined && !notFound.has(ctx)) notFound.set(ctx, client)
}

const notFound = new WeakMap<object, string>()
