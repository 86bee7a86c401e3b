import type { OperationOutcome } from '@medplum/fhirtypes'
import { FhirError, type Issue, toOutcomeIssue } from '../fhir/error.ts'
import type { Written } from '../storage/store.ts'
import { decideKeeping } from './incoming/keep-refused.ts'
import type { Body, Context, FhirResponse, PreferredReturn, Prepared, RequestHeaders } from './interaction.ts'
import { locationOf, versionHeaders } from './version.ts'

/** Writes one resource, and answers for it; throws what refused it. */
export const writeOne = async (
  prepared: Prepared,
  { store, base, registry }: Pick<Context, 'store' | 'base' | 'registry'>,
  { prefer }: RequestHeaders,
): Promise<FhirResponse> => {
  const [ready] = await decideKeeping([prepared], { store, registry })
  if (ready === undefined || ready instanceof FhirError) throw ready ?? new Error('nothing was decided')
  const [written] = await store.write([ready.write])
  const { warnings } = ready
  if (written === undefined) throw new Error('the store did not answer for its write')
  return writtenResponse(written, warnings, base, prefer.return ?? 'representation')
}

/** What became of a write, as FHIR answers it. */
export const writtenResponse = (
  written: Written,
  warnings: readonly Issue[],
  base: string,
  answer: PreferredReturn,
): FhirResponse => {
  if (written.outcome === 'refused') throw written.error
  const body = bodyOf(written, warnings, answer)
  return {
    status: body === undefined && written.outcome === 'deleted' ? 204 : statusOf(written),
    ...versionHeaders(written),
    ...(written.outcome === 'deleted' ? {} : { location: locationOf(base, written) }),
    ...(body === undefined ? {} : { body }),
    ...(warnings.length === 0 ? {} : { issues: warnings }),
  }
}

/** What became of a conditional delete that met none, or several. */
export const deletedResponse = (written: readonly Written[], answer: PreferredReturn): FhirResponse => {
  for (const one of written) if (one.outcome === 'refused') throw one.error
  if (answer !== 'OperationOutcome') return { status: 204 }
  const diagnostics = `${written.length} resources are deleted`
  const issue: OperationOutcome['issue'] = [{ severity: 'information', code: 'informational', diagnostics }]
  return { status: 200, body: { kind: 'outcome', outcome: { resourceType: 'OperationOutcome', issue } } }
}

type Done = Exclude<Written, { outcome: 'refused' }>

const statusByOutcome: Readonly<Record<Done['outcome'], number>> = {
  created: 201,
  updated: 200,
  unchanged: 200,
  deleted: 200,
}

const statusOf = (written: Done): number =>
  written.outcome === 'unchanged' && written.isAnsweredAsCreated
    ? statusByOutcome.created
    : statusByOutcome[written.outcome]

const bodyOf = (written: Done, warnings: readonly Issue[], answer: string): Body | undefined => {
  if (answer === 'OperationOutcome') return { kind: 'outcome', outcome: outcomeOf(written, warnings) }
  return answer === 'representation' && written.outcome !== 'deleted'
    ? { kind: 'text', text: written.content }
    : undefined
}

const outcomeOf = ({ type, id, outcome }: Done, warnings: readonly Issue[]): OperationOutcome => ({
  resourceType: 'OperationOutcome',
  issue: [
    { severity: 'information', code: 'informational', diagnostics: `${type}/${id} is ${outcome}` },
    ...warnings.map(toOutcomeIssue),
  ],
})
