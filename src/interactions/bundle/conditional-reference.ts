import { FhirError } from '../../fhir/error.ts'
import { sentQuery } from '../../search/sent-query.ts'
import { parseConditionalCriteria } from '../conditional.ts'
import type { Context } from '../interaction.ts'
import { thrownAt } from './entry-error.ts'
import { conditionalReferences } from './local-reference.ts'
import type { Placed } from './transaction-claims.ts'

/**
 * Looks up references such as `Patient?identifier=…` in the bodies of entries, each text once. What the caller may not find is not there.
 * "If there are no matches, or multiple matches, the transaction fails". https://hl7.org/fhir/R4/http.html#trules
 */
export const findReferences = async (
  entries: readonly Placed[],
  targets: Map<string, string>,
  context: Context,
): Promise<void> => {
  for (const { index, request } of entries) {
    for (const reference of conditionalReferences(request.body)) {
      if (targets.has(reference)) continue
      targets.set(reference, await findReference(reference, context).catch(thrownAt(index)))
    }
  }
}

const findReference = async (reference: string, context: Context): Promise<string> => {
  const [type = '', ...rest] = reference.split('?')
  if (!context.registry.isResourceType(type)) throw new FhirError('value', `${type} is not a resource type of FHIR R4`)
  const criteria = parseConditionalCriteria(type, sentQuery(rest.join('?')), context)
  const [match, another] = await context.store.matches(criteria, 2)
  if (match !== undefined && another === undefined) return `${type}/${match.id}`
  const words = `The conditional reference ${reference} matches`
  if (match === undefined) throw new FhirError('not-found', `${words} nothing`, { status: 412 })
  throw new FhirError('multiple-matches', `${words} several resources`)
}
