import { FhirError } from '../../fhir/error.ts'
import { openGiveWay } from '../../fhir/give-way.ts'
import type { Connection } from '../../storage/database.ts'
import type { Written } from '../../storage/store.ts'
import { parseConditionalCriteria, prepareRouted } from '../conditional.ts'
import { findExistingAmong } from '../conditional-create.ts'
import { existing } from '../create.ts'
import { decidePolicies } from '../incoming/decide-policy.ts'
import { refusedAmong } from '../incoming/keep-refused.ts'
import type { Context, FhirResponse, Handler, Prepared, SystemRequest, TypeRequest } from '../interaction.ts'
import { deletedResponse, writtenResponse } from '../written.ts'
import { bundleChunks } from './bundle-text.ts'
import { findReferences } from './conditional-reference.ts'
import { type Entry, entriesOf, entryText, parseEntry } from './entry.ts'
import { atEntry, inEntry, thrownAt } from './entry-error.ts'
import { resolveCriteria, resolveRequest } from './local-reference.ts'
import { claim, claimCriteria, type Placed, place, requireNoSecond, requireOnlyOne } from './transaction-claims.ts'
import { asksForOthers, inOrder, inPhases, isWrite } from './transaction-order.ts'
import { plannedBy } from './transaction-planned.ts'
import { begin, type Done, type Progress } from './transaction-progress.ts'
import { keepDocuments } from './transaction-refused.ts'

/**
 * https://hl7.org/fhir/R4/http.html#transaction
 * All or nothing: deletes first, then creates, updates and reads. If one entry is refused, the Bundle is.
 */
export const transaction: Handler<SystemRequest> = (request, context) =>
  transactionWith(async () => {})(request, context)

/** The same; `also` is done in the same commit, once the answer is known. */
export const transactionWith =
  (also: (connection: Connection, response: FhirResponse) => Promise<void>): Handler<SystemRequest> =>
  async ({ body, headers }, context) => {
    const answer = headers.prefer.return ?? 'minimal'
    const prefer = { ...headers.prefer, return: answer }
    const entries = entriesOf(body).map((sent, index) => atEntry(index, () => entryOf(sent, prefer, context)))
    let progress: Progress | undefined
    try {
      return await context.store.atomic(async (store, connection) => {
        progress = begin(answer, { ...context, store })
        const answers = await carryOut(entries, progress)
        const chunks = bundleChunks({ type: 'transaction-response', link: [] }, answers.map(entryText))
        const response: FhirResponse = { status: 200, body: { kind: 'chunks', chunks } }
        await also(connection, response)
        return response
      })
    } catch (error) {
      throw (progress && (await keepRefused(progress, context))) ?? error
    }
  }

/** Refuses operations that change something: they have no place in the order of a transaction. */
const entryOf = (...of: Parameters<typeof parseEntry>): Entry => {
  const entry = parseEntry(...of)
  if (entry.interaction.name !== 'operation' || entry.interaction.method === 'GET') return entry
  throw new FhirError('not-supported', 'A transaction carries operations by GET only; a batch takes all', {
    status: 400,
  })
}

/** Keeps the documents that were refused, and answers the error that names them all; undefined if it was rolled back for another reason. */
const keepRefused = async (progress: Progress, context: Context): Promise<FhirError | undefined> =>
  progress.refused.size === 0
    ? undefined
    : keepDocuments(
        progress,
        ({ interaction, request, id }) => prepareRouted({ interaction, request }, context, id),
        context,
      )

const carryOut = async (entries: readonly Entry[], progress: Progress): Promise<readonly FhirResponse[]> => {
  const { claims, context } = progress
  const placed = place(entries, claims)
  for (const entry of placed) remember(entry, progress)
  await takeTurns(placed, progress)

  const { deletes, creates, changes, lateCreates, reads } = inPhases(placed, context.base)
  await writeWave(await decide(deletes, progress), progress)
  const decided = await decide(
    changes.filter(one => !asksForOthers(one)),
    progress,
  )
  await writeInOrder(creates, progress)
  const late = await decide(changes.filter(asksForOthers), progress)
  await writeInOrder([...decided, ...late, ...lateCreates], progress)
  await requireOnlyOne(progress.made, claims, context)
  await requireNoSecond(progress.met, progress.created, claims, context)
  for (const entry of reads) {
    atEntry(entry.index, progress.room.requireSome)
    const answered = await context.dispatch(entry, context).catch(thrownAt(entry.index))
    progress.answers[entry.index] = progress.room.take(answered)
  }
  await answerAsItStands(progress)
  return progress.answers
}

/** An entry that was written before another one has changed it as well is answered with what is committed. */
const answerAsItStands = async (progress: Progress): Promise<void> => {
  const { written, answers, context } = progress
  const standing = await context.store.settled(written.map(({ done }) => done))
  for (const [position, { index, done, warnings }] of written.entries()) {
    const stands = standing[position]
    if (stands !== done) answers[index] = answerOf([doneOf(stands, index)], warnings, progress)
  }
}

const remember = (entry: Placed, { writes, targets, versions, beside }: Progress): void => {
  const { fullUrl, target, interaction } = entry
  if (isWrite(entry) && interaction.decide === undefined) writes.push(entry)
  if (target !== undefined && interaction.prepare !== undefined && interaction.method !== 'DELETE') beside.add(target)
  if (fullUrl !== undefined && target !== undefined) targets.set(fullUrl, target)
  if (target !== undefined && interaction.name === 'create') versions.set(target, '1')
}

/** Takes turns by all criteria, and for all that is changed, at once and in one order, so that two transactions never wait for each other. */
const takeTurns = async (placed: readonly Placed[], { context, targets, claims }: Progress): Promise<void> => {
  const criteria = placed.flatMap(({ index, interaction, request }) => {
    if (!('type' in request)) return []
    const { type, query, headers } = resolveCriteria(request, targets)
    if (interaction.decide !== undefined) {
      const criteria = atEntry(index, () => parseConditionalCriteria(type, query, context))
      if (interaction.method === 'PUT') claimCriteria(criteria, index, claims)
      return [criteria]
    }
    if (interaction.name !== 'create' || headers.ifNoneExist === undefined) return []
    const { ifNoneExist } = headers
    return [atEntry(index, () => existing(type, ifNoneExist, context))]
  })
  await context.store.takeTurns(criteria, plannedBy(placed, context))
}

/** Turns conditional entries into the ordinary ones that they mean now. A conditional delete may mean none or several. */
const decide = async (entries: readonly Placed[], progress: Progress): Promise<readonly Placed[]> => {
  const decided: Placed[] = []
  for (const entry of entries) {
    const { interaction, request, fullUrl, index } = entry
    if (interaction.decide === undefined || !('type' in request)) {
      decided.push(entry)
      continue
    }
    const asked = resolveCriteria(request, progress.targets)
    const routed = await interaction.decide(asked, progress.context).catch(thrownAt(index))
    if (routed.length === 0) progress.answers[index] = deletedResponse([], progress.answer)
    for (const one of routed) {
      const id = 'id' in one.request ? one.request.id : entry.id
      const placed: Placed = { ...one, index, id, target: `${request.type}/${id}`, ...(fullUrl && { fullUrl }) }
      claim(placed, progress.claims)
      remember(placed, progress)
      noteMet(placed, asked, progress)
      decided.push(placed)
    }
  }
  return decided
}

const noteMet = ({ index, interaction, request }: Placed, { type, query }: TypeRequest, { met, context }: Progress) => {
  if (interaction.method === 'DELETE' || 'metNothing' in request) return
  met.push({ index, criteria: parseConditionalCriteria(type, query, context) })
}

const writeInOrder = async (entries: readonly Placed[], progress: Progress): Promise<void> => {
  for (const wave of inOrder(entries)) await writeWave(wave, progress)
}

/** References are resolved first: to ids that were given beforehand, that an earlier wave found, or that are looked up. */
const writeWave = async (wave: readonly Placed[], progress: Progress): Promise<void> => {
  const { context, targets, versions, room } = progress
  const [first] = wave
  if (first !== undefined) atEntry(first.index, room.requireSome)
  await findReferences(wave, targets, context)
  const asked = wave.map(one => ({ ...one, request: resolveCriteria(one.request, targets) }))
  for (const [name, target] of await findExistingAmong(asked, context)) targets.set(name, target)
  const giveWay = openGiveWay()
  const routed: Prepared[] = []
  for (const { interaction, request, fullUrl, id, index } of wave) {
    await giveWay()
    const resolved = atEntry(index, () => resolveRequest(request, fullUrl, targets, versions))
    routed.push(await prepareRouted({ interaction, request: resolved }, context, id).catch(thrownAt(index)))
  }
  const decided = await decidePolicies(routed, context)
  for (const { index: position, error } of refusedAmong(routed, decided))
    progress.refused.set(wave[position]?.index ?? 0, error)
  const prepared = decided.map((one, position) => {
    if (one instanceof FhirError) throw inEntry(wave[position]?.index ?? 0, one)
    return one
  })
  const written = await context.store.write(
    prepared.map(({ write }) => write),
    progress.beside,
  )
  const byIndex = Map.groupBy(wave.keys(), position => wave[position]?.index ?? -1)
  for (const [index, positions] of byIndex) {
    const done = positions.map(position => doneOf(written[position], index))
    const [position = 0] = positions
    const warnings = prepared[position]?.warnings ?? []
    progress.answers[index] = room.take(answerOf(done, warnings, progress))
    const [only, ...others] = done
    if (only !== undefined && others.length === 0) progress.written.push({ index, done: only, warnings })
  }
  for (const [position, one] of wave.entries()) noteDone(one, doneOf(written[position], one.index), progress)
}

const noteDone = (
  { fullUrl, index, request }: Placed,
  { type, id, versionId, outcome }: Done,
  { targets, versions, made, created, context }: Progress,
) => {
  if (fullUrl !== undefined) targets.set(fullUrl, `${type}/${id}`)
  versions.set(`${type}/${id}`, versionId)
  if (outcome === 'created') created.add(`${type}/${id}`)
  if ('metNothing' in request)
    made.push({ index, id, criteria: parseConditionalCriteria(type, request.query, context) })
}

const answerOf = (
  done: readonly Done[],
  warnings: Parameters<typeof writtenResponse>[1],
  { context, answer }: Progress,
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
