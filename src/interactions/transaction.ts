import { FhirError } from '../fhir/error.ts'
import type { Written } from '../storage/store.ts'
import { bundleChunks } from './bundle-text.ts'
import { prepareCreate } from './create.ts'
import { prepareDelete } from './delete.ts'
import { type Entry, entriesOf, entryText, parseEntry } from './entry.ts'
import { atEntry, inEntry } from './entry-error.ts'
import type { Context, FhirResponse, Handler, InstanceRequest, PreferredReturn, SystemRequest } from './interaction.ts'
import { resolveReferences } from './local-reference.ts'
import { requireAccess } from './require-access.ts'
import { type Placed, place, wavesOf } from './transaction-order.ts'
import { prepareUpdate } from './update.ts'
import { type Prepared, writtenResponse } from './written.ts'

/**
 * https://hl7.org/fhir/R4/http.html#transaction
 * All of it or nothing: deletes first, then creates, updates and reads. Whatever refuses one entry refuses the Bundle.
 */
export const transaction: Handler<SystemRequest> = async ({ body, headers }, context) => {
  const answer = headers.prefer.return ?? 'minimal'
  const prefer = { ...headers.prefer, return: answer }
  const entries = place(entriesOf(body).map((sent, index) => atEntry(index, () => entryOf(sent, prefer, context))))
  const answers = await context.store.atomic(store => carryOut(entries, answer, { ...context, store }))
  const chunks = bundleChunks({ type: 'transaction-response', link: [] }, answers.map(entryText))
  return { status: 200, body: { kind: 'chunks', chunks } }
}

/** What an operation changes has no place in the order of a transaction. */
const entryOf = (...of: Parameters<typeof parseEntry>): Entry => {
  const entry = parseEntry(...of)
  if (entry.interaction.name !== 'operation' || entry.interaction.method === 'GET') return entry
  throw new FhirError('not-supported', 'A transaction carries operations by GET only; a batch takes all', {
    status: 400,
  })
}

const carryOut = async (
  entries: readonly Placed[],
  answer: PreferredReturn,
  context: Context,
): Promise<readonly FhirResponse[]> => {
  const answers: FhirResponse[] = []
  const targets = new Map(entries.flatMap(({ fullUrl, target }) => (fullUrl === undefined ? [] : [[fullUrl, target]])))
  for (const wave of wavesOf(entries)) {
    const prepared = wave.map(entry => atEntry(entry.index, () => prepare(entry, targets, context)))
    const written = await context.store.write(prepared.map(({ write }) => write))
    for (const [position, { index, fullUrl }] of wave.entries()) {
      const { warnings = [] } = prepared[position] ?? {}
      const done = doneOf(written[position], index)
      answers[index] = writtenResponse(done, warnings, context.base, answer)
      if (fullUrl !== undefined) targets.set(fullUrl, `${done.type}/${done.id}`)
    }
  }
  for (const entry of entries.filter(({ interaction }) => interaction.method === 'GET')) {
    answers[entry.index] = await context.dispatch(entry, context).catch(error => {
      throw inEntry(entry.index, error)
    })
  }
  return answers
}

/** References are resolved before all else: to ids given beforehand, or found by an earlier wave. */
const prepare = (
  { interaction, request, fullUrl, id }: Placed,
  targets: Map<string, string>,
  context: Context,
): Prepared => {
  const resolved = { ...request, id, body: resolveReferences(request.body, fullUrl, targets) } as InstanceRequest
  if (interaction.action !== undefined) requireAccess(context, interaction.action, resolved.type)
  switch (interaction.name) {
    case 'create':
      return prepareCreate(resolved, context, id)
    case 'update':
      return prepareUpdate(resolved, context)
    default:
      return prepareDelete(resolved)
  }
}

const doneOf = (written: Written | undefined, index: number): Exclude<Written, { outcome: 'refused' }> => {
  if (written === undefined) throw new Error('the store did not answer for each write')
  if (written.outcome === 'refused') throw inEntry(index, written.error)
  return written
}
