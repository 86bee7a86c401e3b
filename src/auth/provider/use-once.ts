import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Connection, Database } from '../../storage/database.ts'
import { settledTransaction } from '../../storage/settled-transaction.ts'

type Write = (connection: Connection) => Promise<void>

/** A code or refresh token came twice, however soon. */
export class UsedTwice extends errors.InvalidGrant {
  readonly grant: unknown

  constructor(grant: unknown) {
    super('used at the same moment')
    this.grant = grant
  }
}

const writes = new WeakMap<object, Write[]>()
const proofs = new WeakMap<object, Write>()
const usesOfProof = new WeakMap<object, Promise<void>>()

/**
 * The library uses up a code or refresh token first, and then writes what the app gets for it. Here both are written together, when the answer is
 * known: if the database goes away in between, the app is told to come again, and what it then sends a second time still works.
 */
export const useLater = async (database: Database, use: Write): Promise<void> => {
  const { ctx } = Provider
  if (ctx === undefined) return database.transaction(use)
  writes.set(ctx, [...(writes.get(ctx) ?? []), use])
}

/**
 * The same for what a client proves with that it is that one. Unlike a code it is used up even if the request is refused; and at other endpoints at
 * once.
 */
export const useProof = async (database: Database, use: Write): Promise<void> => {
  const { ctx } = Provider
  if (ctx === undefined || ctx.path !== '/token') return use(database)
  proofs.set(ctx, use)
  await useLater(database, use)
}

/**
 * Before something else is done than to write: throws if another request has used the same proof meanwhile. The library ends several things at once,
 * and each of them waits.
 */
export const useProofNow = async (database: Database): Promise<void> => {
  const { ctx } = Provider
  if (ctx === undefined) return
  const proof = proofs.get(ctx)
  if (proof !== undefined) {
    proofs.delete(ctx)
    writes.set(ctx, writes.get(ctx)?.filter(write => write !== proof) ?? [])
    usesOfProof.set(ctx, proof(database))
  }
  await usesOfProof.get(ctx)
}

/** Together with what is used up in this request, if there is anything, and otherwise at once. */
export const writeWithUse = async (database: Database, write: Write): Promise<void> => {
  const { ctx } = Provider
  const uses = ctx === undefined ? undefined : writes.get(ctx)
  if (uses === undefined) await write(database)
  else uses.push(write)
}

/**
 * Nothing is used up by a request that has failed for a fault of this server. Throws `UsedTwice`, and other errors of OAuth. It is found out what a
 * commit has done whose connection was lost: an app that was told of a fault would come again, and lose by that what it was granted.
 */
export const writeUse = async (database: Database, ctx: KoaContextWithOIDC): Promise<void> => {
  const uses = writes.get(ctx) ?? []
  if (uses.length === 0 || ctx.status >= 500) return
  const all = settledTransaction(database, async connection => {
    for (const write of uses) await write(connection)
  })
  await all.catch(async error => {
    if (error instanceof errors.OIDCProviderError) await proofs.get(ctx)?.(database)
    throw error
  })
}
