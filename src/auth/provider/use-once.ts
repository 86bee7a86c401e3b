import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Connection, Database } from '../../storage/database.ts'
import { settledTransaction } from '../../storage/settled-transaction.ts'
import { usedBefore } from './accepted.ts'

type Write = (connection: Connection) => Promise<void>

/** A code or refresh token came twice, however soon. */
export class UsedTwice extends errors.InvalidGrant {
  readonly grant: unknown

  constructor(grant: unknown) {
    super(usedBefore('it was used twice at the same moment'))
    this.grant = grant
  }
}

/** What a request uses up, and writes with it. The proof is one of these writes, until it is used up on its own. */
type Uses = { readonly writes: Set<Write>; proof?: Write }

const byRequest = new WeakMap<object, Uses>()

/**
 * The library uses up a code or refresh token first, and then writes what the app gets for it. Here both are written together, when the answer is
 * known: if the database goes away in between, the app is told to come again, and what it then sends a second time still works.
 */
export const useLater = async (database: Database, use: Write): Promise<void> => {
  const { ctx } = Provider
  if (ctx === undefined) return database.transaction(use)
  add(ctx, use)
}

const add = (ctx: object, write: Write): Uses => {
  const uses = byRequest.get(ctx) ?? { writes: new Set() }
  uses.writes.add(write)
  byRequest.set(ctx, uses)
  return uses
}

/**
 * The same for what a client proves with that it is that one. Unlike a code it is used up even if the request is refused; and at other endpoints at
 * once.
 */
export const useProof = async (database: Database, use: Write): Promise<void> => {
  const { ctx } = Provider
  if (ctx === undefined || ctx.path !== '/token') return use(database)
  add(ctx, use).proof = use
}

/** Before something else is done than to write: throws if another request has used the same proof meanwhile. */
export const useProofNow = async (database: Database): Promise<void> => {
  const { ctx } = Provider
  const uses = ctx && byRequest.get(ctx)
  if (uses?.proof === undefined) return
  const { proof } = uses
  delete uses.proof
  uses.writes.delete(proof)
  await proof(database)
}

/** Together with what is used up in this request, if there is anything, and otherwise at once. */
export const writeWithUse = async (database: Database, write: Write): Promise<void> => {
  const { ctx } = Provider
  const uses = ctx && byRequest.get(ctx)
  if (uses === undefined) await write(database)
  else uses.writes.add(write)
}

/**
 * Nothing is used up by a request that has failed for a fault of this server. Throws `UsedTwice`, and other errors of OAuth. It is found out what a
 * commit has done whose connection was lost: an app that was told of a fault would come again, and lose by that what it was granted.
 */
export const writeUse = async (database: Database, ctx: KoaContextWithOIDC): Promise<void> => {
  const uses = byRequest.get(ctx)
  if (uses === undefined || uses.writes.size === 0 || ctx.status >= 500) return
  const all = settledTransaction(database, async connection => {
    for (const write of uses.writes) await write(connection)
  })
  await all.catch(async error => {
    if (error instanceof errors.OIDCProviderError) await uses.proof?.(database)
    throw error
  })
}
