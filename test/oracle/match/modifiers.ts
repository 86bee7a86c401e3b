import type { Definition } from '../definitions.ts'
import type { World } from '../world.ts'
import { split } from './escape.ts'
import { type Holds, type Match, matchPlain, someValue, valuesFor } from './matches.ts'
import { matchReference } from './reference.ts'
import { matchContains, matchExact } from './string.ts'

/** https://hl7.org/fhir/R4/search.html#modifiers */
export const modified = (world: World, definition: Definition, modifier: string, value: string): Holds => {
  if (modifier === 'missing') return isMissing(definition, value)
  if (modifier === 'not') return negated(someValue(world, definition, value, matchPlain))
  const match = matchers[modifier] ?? (/^[A-Z]/.test(modifier) ? ofType(modifier) : undefined)
  if (match === undefined) throw new Error(`the oracle does not know :${modifier}`)
  return someValue(world, definition, value, match)
}

/** "gender:missing=true will return all the resources that don't have a value for the gender parameter" */
const isMissing = (definition: Definition, value: string): Holds => {
  const [asked] = split(',', value)
  return resource => (valuesFor(definition, resource).length === 0) === (asked === 'true')
}

/** "returns all resources that do not have a matching item", also those without the element */
const negated =
  (holds: Holds): Holds =>
  resource =>
    !holds(resource)

/** "The search parameter only applies to the Resource Type specified": the value is an id. */
const ofType =
  (type: string): Match =>
  (found, text) =>
    matchReference(found, text.includes('/') ? text : `${type}/${text}`)

const matchers: Readonly<Record<string, Match>> = {
  contains: (found, text) => matchContains(found, text),
  exact: (found, text) => matchExact(found, text),
}
