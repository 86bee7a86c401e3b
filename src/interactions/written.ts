import type { OperationOutcome } from '@medplum/fhirtypes'
import { type Issue, toOutcomeIssue } from '../fhir/error.ts'
import type { Write, Written } from '../storage/store.ts'
import type { Body, Context, FhirResponse, PreferredReturn, RequestHeaders } from './interaction.ts'
import { locationOf, versionHeaders } from './version.ts'

/** One write that may go to the store, alone or in the company of a Bundle's others. */
export type Prepared = { readonly write: Write; readonly warnings: readonly Issue[] }

/** Writes one resource, and answers for it; throws what refused it. */
export const writeOne = async (
  { write, warnings }: Prepared,
  { store, base }: Pick<Context, 'store' | 'base'>,
  { prefer }: RequestHeaders,
): Promise<FhirResponse> => {
  const [written] = await store.write([write])
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
    status: body === undefined && written.outcome === 'deleted' ? 204 : statusByOutcome[written.outcome],
    ...versionHeaders(written),
    ...(written.outcome === 'deleted' ? {} : { location: locationOf(base, written) }),
    ...(body === undefined ? {} : { body }),
    ...(warnings.length === 0 ? {} : { issues: warnings }),
  }
}

type Done = Exclude<Written, { outcome: 'refused' }>

const statusByOutcome: Readonly<Record<Done['outcome'], number>> = {
  created: 201,
  updated: 200,
  unchanged: 200,
  deleted: 200,
}

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
