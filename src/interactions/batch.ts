import { FhirError } from '../fhir/error.ts'
import type { Written } from '../storage/store.ts'
import { bundleChunks } from './bundle-text.ts'
import { prepareCreate } from './create.ts'
import { type Entry, entriesOf, entryText, parseEntry } from './entry.ts'
import type { Context, FhirResponse, Handler, PreferredReturn, SystemRequest } from './interaction.ts'
import { requireAccess } from './require-access.ts'
import { type Prepared, writtenResponse } from './written.ts'

/**
 * https://hl7.org/fhir/R4/http.html#transaction
 * No entry hinders another. Creates that follow one another go to the store together: that is how devices upload.
 */
export const batch: Handler<SystemRequest> = async ({ body, headers }, context) => {
  const entries = entriesOf(body)
  const prefer = { ...headers.prefer, return: headers.prefer.return ?? 'minimal' }
  const answers: FhirResponse[] = []
  const creates: Pending[] = []
  for (const [index, sent] of entries.entries()) {
    try {
      const entry = parseEntry(sent, prefer, context)
      const create = preparedCreate(entry, context)
      if (create === undefined) {
        await writeTogether(creates.splice(0), answers, prefer.return, context)
        answers[index] = await context.dispatch(entry, context)
      } else {
        creates.push({ index, ...create })
      }
    } catch (error) {
      answers[index] = failure(error, context)
    }
  }
  await writeTogether(creates, answers, prefer.return, context)
  const chunks = bundleChunks({ type: 'batch-response', link: [] }, answers.map(entryText))
  return { status: 200, body: { kind: 'chunks', chunks } }
}

type Pending = Prepared & { readonly index: number }

const preparedCreate = ({ interaction, request }: Entry, context: Context): Prepared | undefined => {
  if (interaction.name !== 'create' || !('type' in request)) return undefined
  requireAccess(context, 'c', request.type)
  return prepareCreate(request, context)
}

/** Should the set trip the store, each is written alone, so that only the one at fault pays for it. */
const writeTogether = async (
  creates: readonly Pending[],
  answers: FhirResponse[],
  answer: PreferredReturn,
  context: Context,
): Promise<void> => {
  if (creates.length === 0) return
  try {
    const written = await context.store.write(creates.map(({ write }) => write))
    for (const [position, { index, warnings }] of creates.entries()) {
      answers[index] = answerOf(written[position], warnings, answer, context)
    }
  } catch (error) {
    const failed = failure(error, context)
    for (const { index } of creates) answers[index] = failed
    if (error instanceof FhirError || creates.length === 1) return
    for (const create of creates) await writeTogether([create], answers, answer, context)
  }
}

const answerOf = (
  written: Written | undefined,
  warnings: Prepared['warnings'],
  answer: PreferredReturn,
  context: Context,
): FhirResponse => {
  if (written === undefined) throw new Error('the store did not answer for each write')
  return written.outcome === 'refused'
    ? failure(written.error, context)
    : writtenResponse(written, warnings, context.base, answer)
}

const failure = (error: unknown, { reportFault }: Context): FhirResponse => {
  if (error instanceof FhirError) return { status: error.status, issues: error.issues }
  reportFault(error)
  return { status: 500, issues: [{ code: 'exception', message: 'Internal error' }] }
}
