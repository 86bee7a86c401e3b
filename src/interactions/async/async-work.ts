import { isDeepStrictEqual } from 'node:util'
import type { Caller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { toOperationOutcome } from '../../fhir/operation-outcome.ts'
import type { Connection, Database } from '../../storage/database.ts'
import {
  type AsyncWork,
  asyncRequestsToDo,
  dropOldAsyncRequests,
  endAsyncRequest,
  findAsyncCaller,
  keepAnswer,
  readAsyncWork,
} from '../../storage/work/async-request.ts'
import type { Attempt, Queue } from '../../storage/work/queue.ts'
import type { BundleText } from '../bundle/bundle-text.ts'
import { entriesOf, entryText } from '../bundle/entry.ts'
import { transactionWith } from '../bundle/transaction.ts'
import type { Context, FhirResponse, Interaction, Prefer, Routed, SystemRequest } from '../interaction.ts'
import { findRoute } from '../route.ts'
import { foundIn } from './async-match.ts'
import { openRefusalsOnce, type RefusalsOnce } from './refusals-once.ts'

type Parts = {
  readonly database: Database
  readonly queue: Pick<Queue, 'work'>
  readonly contextFor: (caller: Caller, work: AsyncWork) => Context
  readonly reportFault: (fault: unknown) => void
}

/**
 * Carries out requests that are to be answered later, also those from before this process began. Each part is done with the rights that the token has
 * at that moment.
 * Drops the answers when they expire.
 */
export const workOnAsyncRequests = async (parts: Parts): Promise<{ readonly close: () => void }> => {
  const { database, queue } = parts
  const workOn = async (id: string, { isLast }: Attempt): Promise<void> => {
    const work = await readAsyncWork(database, id)
    if (work !== undefined) await carryOut(parts, id, work).catch(error => endRefused(parts, id, error, isLast))
  }
  await queue.work(workOn, () => asyncRequestsToDo(database))
  const forget = () => void dropOldAsyncRequests(database).catch(parts.reportFault)
  forget()
  const timer = setInterval(forget, hourMs)
  return { close: () => clearInterval(timer) }
}

const hourMs = 60 * 60 * 1000

/** The request was cancelled meanwhile, or another process took this one for dead and carries it out. */
const notAwaited = new Error('nobody waits for this answer')

/** After a fault it is tried again, and only the last one is the answer. */
const endRefused = async ({ database, reportFault }: Parts, id: string, error: unknown, isLast: Attempt['isLast']) => {
  if (error === notAwaited) return
  const refusal = error instanceof FhirError ? error : internalError
  if (refusal.status >= 500) {
    reportFault(error)
    if (!isLast(error)) throw error
  }
  const { status, issues } = refusal
  await endAsyncRequest(database, id, { status, outcome: toOperationOutcome(issues) })
}

const internalError = new FhirError('exception', 'Internal error')

const carryOut = async (parts: Parts, id: string, work: AsyncWork): Promise<void> => {
  const { caller, name } = work
  if (caller === undefined) throw revoked
  const context = parts.contextFor(caller, work)
  await workByName[name]({ ...parts, id, work, context, routed: routedOf(work, context) })
}

const revoked = new FhirError('login', 'The token that this was asked for with was revoked before it was done')

const routedOf = ({ name, target, prefer, body }: AsyncWork, { interactions, registry }: Context): Routed => {
  const [path = '', query = ''] = target.split('?')
  const parsed = body === null ? undefined : parseJson(body)
  const { interaction, named } = findRoute(interactions, registry, { method: methodByName[name], path, body: parsed })
  const request = { ...named, query: new URLSearchParams(query), headers: { prefer: prefer as Prefer }, body: parsed }
  return { interaction, request }
}

const methodByName = { batch: 'POST', transaction: 'POST', operation: 'POST', 'search-type': 'GET' } as const

type Doing = Parts & {
  readonly id: string
  readonly work: AsyncWork
  readonly context: Context
  readonly routed: Routed
}

/** All of it is committed together with its answer, so that if it were carried out twice, the second time would be rolled back. */
const doTransaction = async ({ id, work, context, routed: { interaction, request } }: Doing): Promise<void> => {
  const handler = transactionWith(async (connection, response) => {
    const { head, entries } = bundleOf(response)
    await keepOrUndo(connection, id, { part: 0, entries: [...entries].join(), done: work.total })
    await endAsyncRequest(connection, id, { status: 200, head })
  })
  await context.dispatch({ interaction: { ...interaction, handler } as Interaction, request }, context)
}

/** In parts, each of which is committed together with its part of the answer, so that a new try goes on after the last one. */
const doBatch = async (doing: Doing): Promise<void> => {
  const { id, work, routed, database, contextFor } = doing
  const entries = entriesOf(routed.request.body)
  let { context } = doing
  let { caller } = work
  for (let from = work.done; from < entries.length; from += partLength) {
    const now = await findAsyncCaller(database, id)
    if (now === undefined) throw revoked
    // All that is done with one context counts as one upload.
    if (!isDeepStrictEqual(now, caller)) context = contextFor(now, work)
    caller = now
    const part = { ...doing, context, refusalsOnce: openRefusalsOnce(context) }
    await doEntries(part, entries, from, Math.min(from + partLength, entries.length))
  }
  await endAsyncRequest(database, id, { status: 200, head: { type: 'batch-response' } })
}

const partLength = 500

type DoingPart = Doing & { readonly refusalsOnce: RefusalsOnce }

/** If the commit that all entries share fails, the entry at fault is found by halving; for a single one, the failure is the answer. */
const doEntries = async (doing: DoingPart, entries: readonly unknown[], from: number, to: number): Promise<void> => {
  const { id, context, refusalsOnce, routed, database } = doing
  const at = { part: from, done: to }
  try {
    await doPart(doing, at, store =>
      answerPart(entries.slice(from, to), routed, { ...context, store, recordRefusal: refusalsOnce() }),
    )
  } catch (error) {
    const refusal = refusalOf(error, doing)
    const middle = Math.ceil((from + to) / 2)
    if (middle === to) return keepOrUndo(database, id, { ...at, entries: entryText(refusal) })
    await doEntries(doing, entries, from, middle)
    await doEntries(doing, entries, middle, to)
  }
}

/** Throws the error again if no entry is at fault: nobody waits any more, or the database cannot do it at the moment, or may have done it. */
const refusalOf = (error: unknown, { reportFault }: Parts): FhirError => {
  if (error === notAwaited) throw error
  if (error instanceof FhirError) {
    if (error.status >= 500) throw error
    return error
  }
  reportFault(error)
  return internalError
}

/** An operation on a Bundle whose entries each succeed or fail alone, but refer to one another: so it is done as one part, and has an answer of its own kind. */
const doOperation = async (doing: Doing): Promise<void> => {
  const { id, work, context, routed, database } = doing
  let head: object = {}
  await doPart(doing, { part: 0, done: work.total }, async store => {
    const { entries, ...answered } = bundleOf(await context.dispatch(routed, { ...context, store }))
    head = answered.head
    return [...entries].join()
  })
  await endAsyncRequest(database, id, { status: 200, head })
}

type Place = { readonly part: number; readonly done: number }

/** Whatever is done of it is committed with its answer, so that nobody does it again. */
const doPart = (
  { id, context }: Doing,
  at: Place,
  answer: (store: Context['store']) => Promise<string>,
): Promise<void> =>
  context.store.atomic(async (store, connection) => {
    // If a batch cannot write entries together, it writes them one by one: nothing of the first try may stay.
    const write: typeof store.write = (...asked) => store.atomic(within => within.write(...asked))
    await keepOrUndo(connection, id, { ...at, entries: await answer({ ...store, write }) })
  })

const answerPart = async (entry: readonly unknown[], { interaction, request }: Routed, context: Context) => {
  const body = { resourceType: 'Bundle', type: 'batch', entry }
  const part: SystemRequest = { ...request, body }
  return [...bundleOf(await context.dispatch({ interaction, request: part }, context)).entries].join()
}

const doSearch = async ({ id, context, routed, database }: Doing): Promise<void> => {
  const { head, entries } = bundleOf(await context.dispatch(routed, context))
  await keepOrUndo(database, id, { part: 0, entries: foundIn(entries), done: 1 })
  await endAsyncRequest(database, id, { status: 200, head })
}

const workByName = {
  batch: doBatch,
  transaction: doTransaction,
  operation: doOperation,
  'search-type': doSearch,
} as const

const keepOrUndo = async (
  connection: Connection,
  id: string,
  answer: { readonly part: number; readonly entries: string; readonly done: number },
): Promise<void> => {
  if (answer.done > 0 && !(await keepAnswer(connection, id, answer))) throw notAwaited
}

const bundleOf = ({ body }: FhirResponse): Pick<BundleText, 'head' | 'entries'> => {
  if (body?.kind !== 'chunks') throw new Error('a Bundle was to be answered')
  return body.chunks
}
