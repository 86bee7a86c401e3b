import { FhirError } from '../../fhir/error.ts'
import { openGiveWay } from '../../fhir/give-way.ts'
import type { Written } from '../../storage/store.ts'
import { prepareRouted } from '../conditional.ts'
import { triedBy } from '../dispatch.ts'
import { decideKeeping } from '../incoming/keep-refused.ts'
import type { Context, FhirResponse, Handler, PreferredReturn, Prepared, Ready, SystemRequest } from '../interaction.ts'
import { writtenResponse } from '../written.ts'
import { type AnswerRoom, openAnswerRoom } from './answer-room.ts'
import { bundleChunks } from './bundle-text.ts'
import { type Entry, entriesOf, entryText, parseEntry } from './entry.ts'
import { referencedEntries } from './local-reference.ts'

/**
 * https://hl7.org/fhir/R4/http.html#transaction
 * No entry affects another. Consecutive writes of one kind go to the store together, which is how devices upload.
 */
export const batch: Handler<SystemRequest> = async ({ body, headers }, context) => {
  const entries = entriesOf(body)
  const prefer = { ...headers.prefer, return: headers.prefer.return ?? 'minimal' }
  const answers: FhirResponse[] = []
  const pending: Pending[] = []
  const room = openAnswerRoom()
  const writePending = () => writeTogether(pending.splice(0), answers, { ...context, answer: prefer.return, room })
  const names = namesIn(entries)
  const giveWay = openGiveWay()
  for (const [index, sent] of entries.entries()) {
    await giveWay()
    try {
      const entry = parseEntry(sent, prefer, context)
      const { name } = entry.interaction
      if (pending[0] !== undefined && pending[0].name !== name) await writePending()
      room.requireSome()
      if (entry.interaction.prepare === undefined) {
        await writePending()
        answers[index] = room.take(await context.dispatch(entry, context))
      } else {
        pending.push({ index, name, prepared: await prepared(entry, names, context) })
      }
    } catch (error) {
      answers[index] = failure(error, context)
    }
  }
  await writePending()
  const chunks = bundleChunks({ type: 'batch-response', link: [] }, answers.map(entryText))
  return { status: 200, body: { kind: 'chunks', chunks } }
}

/** The names by which entries are known within this Bundle alone. */
const namesIn = (entries: readonly unknown[]): ReadonlySet<string> =>
  new Set(
    entries.flatMap(entry => {
      const { fullUrl } = (entry ?? {}) as { readonly fullUrl?: unknown }
      return typeof fullUrl === 'string' && fullUrl.startsWith('urn:') ? [fullUrl] : []
    }),
  )

const prepared = async (entry: Entry, names: ReadonlySet<string>, context: Context): Promise<Prepared> => {
  try {
    refuseOthers(entry, names)
    return await prepareRouted(entry, context)
  } catch (error) {
    await context.recordRefusal(triedBy(entry), error)
    throw error
  }
}

/** "References within a Bundle.entry.resource to another Bundle.entry.resource … are considered to be non-conformant": https://hl7.org/fhir/R4/http.html#brules */
const refuseOthers = ({ request, fullUrl }: Entry, names: ReadonlySet<string>): void => {
  const [other] = [...referencedEntries(request.body, fullUrl, names)].filter(name => name !== fullUrl)
  if (other === undefined) return
  throw new FhirError(
    'business-rule',
    `It refers to another entry, ${other}, and entries of a batch know nothing of each other: send them in a transaction`,
  )
}

type Pending = {
  readonly index: number
  readonly name: Entry['interaction']['name']
  readonly prepared: Prepared
}

/** How the writes of this Bundle are answered. */
type Answering = Context & { readonly answer: PreferredReturn; readonly room: AnswerRoom }

/** If the set fails as a whole, each write is carried out alone, so that only the one at fault fails. */
const writeTogether = async (
  pending: readonly Pending[],
  answers: FhirResponse[],
  context: Answering,
): Promise<void> => {
  if (pending.length === 0) return
  try {
    const answered = await writeDecided(pending, context)
    for (const [position, { index }] of pending.entries()) {
      const one = answered[position]
      if (one !== undefined) answers[index] = one
    }
  } catch (error) {
    const failed = failure(error, context)
    for (const { index } of pending) answers[index] = failed
    if (pending.length === 1 || isOfTheMoment(error)) return
    for (const one of pending) await writeTogether([one], answers, context)
  }
}

/** Documents that the applicable policies refuse are kept instead of written. */
const writeDecided = async (pending: readonly Pending[], context: Answering): Promise<readonly FhirResponse[]> => {
  const decided = await decideKeeping(
    pending.map(({ prepared }) => prepared),
    context,
  )
  const ready = decided.flatMap(one => (one instanceof FhirError ? [] : one))
  const written = (await context.store.write(ready.map(({ write }) => write))).values()
  return decided.map(one =>
    one instanceof FhirError ? failure(one, context) : answerOf(written.next().value, one.warnings, context),
  )
}

/** The failure is due to none of the entries: trying again now would be of no use, or would write again what may have been written. */
const isOfTheMoment = (error: unknown): boolean =>
  error instanceof FhirError && (error.status >= 500 || error.issues[0].code === 'too-costly')

const answerOf = (written: Written | undefined, warnings: Ready['warnings'], context: Answering): FhirResponse => {
  if (written === undefined) throw new Error('the store did not answer for each write')
  return written.outcome === 'refused'
    ? failure(written.error, context)
    : context.room.take(writtenResponse(written, warnings, context.base, context.answer))
}

const failure = (error: unknown, { reportFault }: Context): FhirResponse => {
  if (error instanceof FhirError) return { status: error.status, issues: error.issues }
  reportFault(error)
  return { status: 500, issues: [{ code: 'exception', message: 'Internal error' }] }
}
