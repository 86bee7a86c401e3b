import { FhirError, orRefusal } from '../../fhir/error.ts'
import { strictestOf } from '../../mhealth/policy.ts'
import type { PolicyAsked } from '../../storage/store.ts'
import type { Context, Prepared, Ready } from '../interaction.ts'
import type { Incoming, Undecided } from './incoming.ts'

type Asking = Pick<Context, 'store'>

/** What may be written, in the order of the writes. The policies are looked up for all of them at once. */
export const decidePolicies = async (
  prepared: readonly Prepared[],
  context: Asking,
): Promise<readonly (Ready | FhirError)[]> => {
  const policies = (await policiesFor(prepared.filter(isUndecided), context)).values()
  return prepared.map(one => {
    if ('refused' in one) return one.refused
    if (!isUndecided(one)) return one
    return orRefusal(() => one.under(strictestOf(policies.next().value ?? [])))
  })
}

/** All of them, if none is refused; throws the first refusal. */
export const allReady = (decided: readonly (Ready | FhirError)[]): readonly Ready[] =>
  decided.map(one => {
    if (one instanceof FhirError) throw one
    return one
  })

/** The same for one resource, before it is a write. */
export const decideIncoming = async (incoming: Incoming | Undecided, context: Asking): Promise<Incoming> => {
  if (!isUndecided(incoming)) return incoming
  const [policies = []] = await policiesFor([incoming], context)
  return incoming.under(strictestOf(policies))
}

/** Turns what was parsed into a write, once it is known which policy applies. */
export const prepareFrom = (incoming: Incoming | Undecided, prepare: (incoming: Incoming) => Ready): Prepared =>
  isUndecided(incoming) ? { ...incoming, under: policy => prepare(incoming.under(policy)) } : prepare(incoming)

const isUndecided = <One extends object>(one: One): one is Extract<One, { readonly under: unknown }> => 'under' in one

const policiesFor = async (
  undecided: readonly PolicyAsked[],
  { store }: Asking,
): Promise<readonly (readonly string[])[]> => (undecided.length === 0 ? [] : store.validationPolicies(undecided))
