import { FhirError } from '../fhir/error.ts'
import type { Connection } from '../storage/database.ts'
import type { Written } from '../storage/store.ts'
import { type AnswerRoom, openAnswerRoom } from './answer-room.ts'
import { bundleChunks } from './bundle-text.ts'
import { criteriaOf, prepareRouted } from './conditional.ts'
import { findExistingAmong } from './conditional-create.ts'
import { findReferences } from './conditional-reference.ts'
import { existing } from './create.ts'
import { decidePolicies } from './decide-policy.ts'
import { type Entry, entriesOf, entryText, parseEntry } from './entry.ts'
import { atEntry, inEntry, thrownAt } from './entry-error.ts'
import type { Context, FhirResponse, Handler, PreferredReturn, SystemRequest } from './interaction.ts'
import { refusedAmong } from './keep-refused.ts'
import { resolveCriteria, resolveRequest } from './local-reference.ts'
import { type Claims, claim, claimCriteria, type Placed, place } from './transaction-claims.ts'
import { inOrder, inPhases, isWrite } from './transaction-order.ts'
import { keepDocuments } from './transaction-refused.ts'
import { deletedResponse, writtenResponse } from './written.ts'

/**
 * https://hl7.org/fhir/R4/http.html#transaction
 * All of it or nothing: deletes first, then creates, updates and reads. Whatever refuses one entry refuses the Bundle.
 */
export const transaction: Handler<SystemRequest> = (request, context) =>
  transactionWith(async () => {})(request, context)

/** The same; `also` is done in its commit, once it is known what it answers. */
export const transactionWith =
  (also: (connection: Connection, response: FhirResponse) => Promise<void>): Handler<SystemRequest> =>
  async ({ body, headers }, context) => {
    const answer = headers.prefer.return ?? 'minimal'
    const prefer = { ...headers.prefer, return: answer }
    const entries = entriesOf(body).map((sent, index) => atEntry(index, () => entryOf(sent, prefer, context)))
    let going: Going | undefined
    try {
      return await context.store.atomic(async (store, connection) => {
        going = begun(answer, { ...context, store })
        const answers = await carryOut(entries, going)
        const chunks = bundleChunks({ type: 'transaction-response', link: [] }, answers.map(entryText))
        const response: FhirResponse = { status: 200, body: { kind: 'chunks', chunks } }
        await also(connection, response)
        return response
      })
    } catch (error) {
      throw (going && (await keptOf(going, context))) ?? error
    }
  }

/** What an operation changes has no place in the order of a transaction. */
const entryOf = (...of: Parameters<typeof parseEntry>): Entry => {
  const entry = parseEntry(...of)
  if (entry.interaction.name !== 'operation' || entry.interaction.method === 'GET') return entry
  throw new FhirError('not-supported', 'A transaction carries operations by GET only; a batch takes all', {
    status: 400,
  })
}

/** How far a transaction has come. */
type Going = {
  readonly context: Context
  readonly answer: PreferredReturn
  readonly answers: FhirResponse[]
  readonly room: AnswerRoom
  readonly claims: Claims
  /** Its ordinary writes, as far as it is known which they are. */
  readonly writes: Placed[]
  /** What references mean: fullUrls of entries, and conditional references that were looked up. */
  readonly targets: Map<string, string>
  /** What there will be at the end. */
  readonly beside: Set<string>
  /** By index, what refused the documents of entries. */
  readonly refused: Map<number, FhirError>
}

const begun = (answer: PreferredReturn, context: Context): Going => ({
  context,
  answer,
  answers: [],
  room: openAnswerRoom(),
  claims: new Map(),
  writes: [],
  targets: new Map(),
  beside: new Set(),
  refused: new Map(),
})

/** Undefined where it was not undone for its documents. */
const keptOf = async (going: Going, context: Context): Promise<FhirError | undefined> =>
  going.refused.size === 0
    ? undefined
    : keepDocuments(
        going,
        ({ interaction, request, id }) => prepareRouted({ interaction, request }, context, id),
        context,
      )

const carryOut = async (entries: readonly Entry[], going: Going): Promise<readonly FhirResponse[]> => {
  const { claims, context } = going
  const placed = place(entries, claims)
  for (const entry of placed) remember(entry, going)
  await takeTurns(placed, going)

  const { deletes, creates, changes, lateCreates, reads } = inPhases(placed)
  await writeWave(await decide(deletes, going), going)
  const decided = await decide(
    changes.filter(one => !asksForOthers(one)),
    going,
  )
  await writeInOrder(creates, going)
  const late = await decide(changes.filter(asksForOthers), going)
  await writeInOrder([...decided, ...late, ...lateCreates], going)
  for (const entry of reads) {
    atEntry(entry.index, going.room.requireSome)
    const answered = await context.dispatch(entry, context).catch(thrownAt(entry.index))
    going.answers[entry.index] = going.room.take(answered)
  }
  return going.answers
}

const remember = (entry: Placed, { writes, targets, beside }: Going): void => {
  const { fullUrl, target, interaction } = entry
  if (isWrite(entry) && interaction.decide === undefined) writes.push(entry)
  if (target !== undefined && interaction.prepare !== undefined && interaction.method !== 'DELETE') beside.add(target)
  if (fullUrl !== undefined && target !== undefined) targets.set(fullUrl, target)
}

/** Of all criteria at once, and of all that is named, in one order: two transactions do not wait for each other. */
const takeTurns = async (placed: readonly Placed[], { context, targets, claims }: Going): Promise<void> => {
  const criteria = placed.flatMap(({ index, interaction, request }) => {
    if (!('type' in request)) return []
    const { type, query, headers } = resolveCriteria(request, targets)
    if (interaction.decide !== undefined) {
      const criteria = atEntry(index, () => criteriaOf(type, query, context))
      if (interaction.method === 'PUT') claimCriteria(criteria, index, claims)
      return [criteria]
    }
    if (interaction.name !== 'create' || headers.ifNoneExist === undefined) return []
    const { ifNoneExist } = headers
    return [atEntry(index, () => existing(type, ifNoneExist, context))]
  })
  const changed = placed.flatMap(({ id, interaction, request }) =>
    interaction.prepare !== undefined && 'type' in request && 'id' in request ? { type: request.type, id } : [],
  )
  await context.store.takeTurns(criteria, changed)
}

/** Criteria that name another entry wait until it is known what that is. */
const asksForOthers = ({ interaction, request }: Placed): boolean =>
  interaction.decide !== undefined && [...request.query.values()].some(value => /\burn:(?:uuid|oid):/.test(value))

/** Conditional entries as the ordinary ones that they mean now; a conditional delete may mean none or several. */
const decide = async (entries: readonly Placed[], going: Going): Promise<readonly Placed[]> => {
  const decided: Placed[] = []
  for (const entry of entries) {
    const { interaction, request, fullUrl, index } = entry
    if (interaction.decide === undefined || !('type' in request)) {
      decided.push(entry)
      continue
    }
    const routed = await interaction
      .decide(resolveCriteria(request, going.targets), going.context)
      .catch(thrownAt(index))
    if (routed.length === 0) going.answers[index] = deletedResponse([], going.answer)
    for (const one of routed) {
      const id = 'id' in one.request ? one.request.id : entry.id
      const placed: Placed = { ...one, index, id, target: `${request.type}/${id}`, ...(fullUrl && { fullUrl }) }
      claim(placed, going.claims)
      remember(placed, going)
      decided.push(placed)
    }
  }
  return decided
}

const writeInOrder = async (entries: readonly Placed[], going: Going): Promise<void> => {
  for (const wave of inOrder(entries)) await writeWave(wave, going)
}

/** References are resolved before all else: to ids given beforehand, found by an earlier wave, or looked up. */
const writeWave = async (wave: readonly Placed[], going: Going): Promise<void> => {
  const { context, targets, room } = going
  const [first] = wave
  if (first !== undefined) atEntry(first.index, room.requireSome)
  await findReferences(wave, targets, context)
  const asked = wave.map(one => ({ ...one, request: resolveCriteria(one.request, targets) }))
  for (const [name, target] of await findExistingAmong(asked, context)) {
    going.beside.delete(targets.get(name) ?? '')
    targets.set(name, target)
  }
  const routed = wave.map(({ interaction, request, fullUrl, id, index }) =>
    atEntry(index, () =>
      prepareRouted({ interaction, request: resolveRequest(request, fullUrl, targets) }, context, id),
    ),
  )
  const decided = await decidePolicies(routed, context)
  for (const { index: position, error } of refusedAmong(routed, decided))
    going.refused.set(wave[position]?.index ?? 0, error)
  const prepared = decided.map((one, position) => {
    if (one instanceof FhirError) throw inEntry(wave[position]?.index ?? 0, one)
    return one
  })
  const written = await context.store.write(
    prepared.map(({ write }) => write),
    going.beside,
  )
  const byIndex = Map.groupBy(wave.keys(), position => wave[position]?.index ?? -1)
  for (const [index, positions] of byIndex) {
    const done = positions.map(position => doneOf(written[position], index))
    const [position = 0] = positions
    going.answers[index] = room.take(answerOf(done, prepared[position]?.warnings ?? [], going))
  }
  for (const [position, { fullUrl, index }] of wave.entries()) {
    const { type, id } = doneOf(written[position], index)
    if (fullUrl !== undefined) targets.set(fullUrl, `${type}/${id}`)
  }
}

type Done = Exclude<Written, { outcome: 'refused' }>

const answerOf = (
  done: readonly Done[],
  warnings: Parameters<typeof writtenResponse>[1],
  { context, answer }: Going,
) => {
  const [only] = done
  return only === undefined || done.length > 1
    ? deletedResponse(done, answer)
    : writtenResponse(only, warnings, context.base, answer)
}

const doneOf = (written: Written | undefined, index: number): Done => {
  if (written === undefined) throw new Error('the store did not answer for each write')
  if (written.outcome === 'refused') throw inEntry(index, written.error)
  return written
}
