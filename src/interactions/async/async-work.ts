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
  isAuthorizationOver,
  keepAnswer,
  readAsyncWork,
} from '../../storage/work/async-request.ts'
import type { Queue } from '../../storage/work/queue.ts'
import type { BundleText } from '../bundle/bundle-text.ts'
import { entriesOf, entryText } from '../bundle/entry.ts'
import { transactionWith } from '../bundle/transaction.ts'
import type { Context, FhirResponse, Interaction, Prefer, Routed, SystemRequest } from '../interaction.ts'
import { findRoute } from '../route.ts'
import { foundIn } from './async-match.ts'

type Parts = {
  readonly database: Database
  readonly queue: Pick<Queue, 'ask' | 'work'>
  readonly contextFor: (caller: Caller, work: AsyncWork) => Context
  readonly reportFault: (fault: unknown) => void
}

/**
 * Does what is to be answered later, also what was asked before this process began: with the rights of the token that asked, through the gate as
 * it stands now. Forgets the answers when they expire.
 */
export const workOnAsyncRequests = async (parts: Parts): Promise<{ readonly close: () => void }> => {
  const { database, queue } = parts
  await queue.work(async (id, { isLast }) => {
    const work = await readAsyncWork(database, id)
    if (work !== undefined) await carryOut(parts, id, work).catch(error => endRefused(parts, id, error, isLast))
  })
  for (const id of await asyncRequestsToDo(database)) await queue.ask(id)
  const forget = () => void dropOldAsyncRequests(database).catch(parts.reportFault)
  forget()
  const timer = setInterval(forget, hourMs)
  return { close: () => clearInterval(timer) }
}

const hourMs = 60 * 60 * 1000

/** The request was cancelled meanwhile, or another process does it, which took this one for dead. */
const notAwaited = new Error('nobody waits for this answer')

/** A fault is tried again before it is the answer. */
const endRefused = async ({ database, reportFault }: Parts, id: string, error: unknown, isLast: boolean) => {
  if (error === notAwaited) return
  const refusal = error instanceof FhirError ? error : internalError
  if (refusal.status >= 500) {
    reportFault(error)
    if (!isLast) throw error
  }
  const { status, issues } = refusal
  await endAsyncRequest(database, id, { status, outcome: toOperationOutcome(issues) })
}

const internalError = new FhirError('exception', 'Internal error')

const carryOut = async (parts: Parts, id: string, work: AsyncWork): Promise<void> => {
  const { caller, hasEnded, name } = work
  if (caller === undefined || hasEnded) throw revoked
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

/** All of it in one commit with its answer: done twice it would be undone the second time. */
const doTransaction = async ({ id, work, context, routed: { interaction, request } }: Doing): Promise<void> => {
  const handler = transactionWith(async (connection, response) => {
    const { head, entries } = bundleOf(response)
    await keepOrUndo(connection, id, { part: 0, entries: [...entries].join(), done: work.total })
    await endAsyncRequest(connection, id, { status: 200, head })
  })
  await context.dispatch({ interaction: { ...interaction, handler } as Interaction, request }, context)
}

/** In parts, each in one commit with its part of the answer: who begins again goes on behind the last. */
const doBatch = async (doing: Doing): Promise<void> => {
  const { id, work, routed, database } = doing
  const entries = entriesOf(routed.request.body)
  for (let from = work.done; from < entries.length; from += partLength) {
    if (from > work.done && (await isAuthorizationOver(database, id))) throw revoked
    await doEntries(doing, entries, from, Math.min(from + partLength, entries.length))
  }
  await endAsyncRequest(database, id, { status: 200, head: { type: 'batch-response' } })
}

const partLength = 500

/** What breaks the commit that all of them share is found by halves: of one alone it is the answer. */
const doEntries = async (doing: Doing, entries: readonly unknown[], from: number, to: number): Promise<void> => {
  const { id, context, routed, database } = doing
  const at = { part: from, done: to }
  try {
    await doPart(doing, at, store => answerPart(entries.slice(from, to), routed, { ...context, store }))
  } catch (error) {
    const refusal = refusalOf(error, doing)
    const middle = Math.ceil((from + to) / 2)
    if (middle === to) return keepOrUndo(database, id, { ...at, entries: entryText(refusal) })
    await doEntries(doing, entries, from, middle)
    await doEntries(doing, entries, middle, to)
  }
}

/** Throws on what is of no entry: nobody waits, or the database cannot do it at the moment, or may have done it. */
const refusalOf = (error: unknown, { reportFault }: Parts): FhirError => {
  if (error === notAwaited) throw error
  if (error instanceof FhirError) {
    if (error.status >= 500) throw error
    return error
  }
  reportFault(error)
  return internalError
}

/** An operation whose Bundle has entries that succeed or fail each for itself, and yet refer to one another: so it is one part, and has its own kind of answer. */
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

/** What is done of it is done with its answer: nobody does that once more. */
const doPart = (
  { id, context }: Doing,
  at: Place,
  answer: (store: Context['store']) => Promise<string>,
): Promise<void> =>
  context.store.atomic(async (store, connection) => {
    // A batch writes one by one what it could not write together: of that nothing may stay.
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
