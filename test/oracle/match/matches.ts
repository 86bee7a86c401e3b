import type { Definition, ParameterType } from '../definitions.ts'
import type { Resource } from '../examples.ts'
import { type Found, partsOf, valuesOf } from '../values.ts'
import type { World } from '../world.ts'
import { matchClass } from './class.ts'
import { matchDate } from './date.ts'
import { split } from './escape.ts'
import { matchNear } from './near.ts'
import { matchNumber } from './number.ts'
import { matchQuantity } from './quantity.ts'
import { matchReference } from './reference.ts'
import { matchString } from './string.ts'
import { matchToken } from './token.ts'
import { matchUri } from './uri.ts'
import { usableBy } from './usable.ts'

export type Holds = (resource: Resource) => boolean
/** Whether a value that the expression yields matches one of the values asked for. */
export type Match = (found: Found, text: string, definition: Definition, world: World) => boolean

/** The values of a parameter in a resource. Values of a choice that such a parameter cannot look at are none. */
export const valuesFor = (definition: Definition, resource: Resource): readonly Found[] =>
  valuesOf(definition, resource).filter(({ type }) => usableBy(definition.type, type))

/** `name=one,other` without a modifier: "any of the values" https://hl7.org/fhir/R4/search.html#combining */
export const someValue = (world: World, definition: Definition, text: string, match: Match): Holds => {
  const texts = split(',', text)
  return resource =>
    valuesFor(definition, resource).some(found => texts.some(one => match(found, one, definition, world)))
}

export const matchPlain: Match = (found, text, definition, world) =>
  matchers[definition.type](found, text, definition, world)

/** "matches on the basis of each part, within one and the same element" https://hl7.org/fhir/R4/search.html#composite */
const matchComposite: Match = (place, text, { component = [] }, world) => {
  const texts = split('$', text)
  return component.every(({ definition, expression }, index) => {
    const part = world.parameterByUrl(definition)
    if (part === undefined) throw new Error(`${definition} is not defined`)
    return partsOf(expression, place).some(found => matchPlain(found, texts[index] ?? '', part, world))
  })
}

const matchers: Readonly<Record<ParameterType, Match>> = {
  token: (found, text, definition) => (matchClass(definition) ?? matchToken)(found, text),
  reference: (found, text) => matchReference(found, text),
  date: (found, text) => matchDate(found, text),
  string: matchString,
  quantity: matchQuantity,
  number: matchNumber,
  uri: matchUri,
  composite: matchComposite,
  special: (found, text) => matchNear(found, text),
}
