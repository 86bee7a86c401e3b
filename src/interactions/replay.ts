import type { FhirError } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'
import type { Replayable } from '../storage/quarantine-settling.ts'
import { prepareCreate } from './create.ts'
import { decideAll } from './decide-policy.ts'
import type { Context } from './interaction.ts'
import { requireAccess } from './require-access.ts'

/**
 * Uploads once more what a policy refused: the policies that hold now judge it, and the gate is asked what its sender, whose
 * context this is, may write now. Answers the id of the Observation. Throws FhirError where it is refused again; it is not kept
 * as if it had been sent again.
 */
export const replay = async ({ sent, ifNoneExist }: Omit<Replayable, 'sender'>, context: Context): Promise<string> => {
  requireAccess(context, 'c', 'Observation')
  const headers = { prefer: { handling: 'lenient' as const }, ...(ifNoneExist === undefined ? {} : { ifNoneExist }) }
  const request = { type: 'Observation' as const, query: new URLSearchParams(), body: parseJson(sent), headers }
  const [ready] = await decideAll([prepareCreate(request, context)], context)
  if (ready === undefined) throw new Error('nothing was decided')
  const [written] = await context.store.write([ready.write])
  if (written === undefined || written.outcome === 'deleted') throw new Error('the store did not answer for its write')
  if (written.outcome === 'refused') throw written.error
  return written.id
}

/** Why it was refused, in a word that says no value: the code of a finding, or of an issue. */
export const reasonWord = ({ issues: [first] }: FhirError): string => first.details?.code ?? first.code
