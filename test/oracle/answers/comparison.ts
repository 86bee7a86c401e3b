import type { Definition } from '../definitions.ts'
import type { Surroundings } from '../derive/combined.ts'
import { deriveTexts } from '../derive/derive.ts'
import { deriveModified } from '../derive/modified.ts'
import { otherCase } from '../derive/token.ts'
import type { Resource } from '../examples.ts'
import { overlapsDate } from '../match/date.ts'
import { type Holds, matchPlain, valuesFor } from '../match/matches.ts'
import { modified } from '../match/modifiers.ts'
import { splitPrefix } from '../match/prefix.ts'
import { folded, textsOf } from '../match/string.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'

/** `code operator value` of a `_filter`. https://hl7.org/fhir/R4/search_filter.html#ops */
export type Comparison = {
  readonly code: string
  readonly operator: string
  readonly value: string
  readonly holds: Holds
}

/** With one of the values of the resource; undefined if its parameter cannot be compared. */
export const deriveComparison = (at: Surroundings, resource: Resource): Comparison | undefined => {
  const { world, random, supported } = at
  const definition = random.pick(
    world
      .parametersOf(resource.resourceType)
      .filter(({ code, type }) => type !== 'special' && supported(resource.resourceType, code))
      .filter(one => valuesFor(one, resource).length > 0),
  )
  const found = random.pick(valuesFor(definition, resource).slice(0, 50))
  const possible = [
    ...(derivers[definition.type]?.({ ...at, definition, found }) ?? []),
    ...presence(definition, random),
  ]
  return possible.length === 0 ? undefined : { code: definition.code, ...random.pick(possible) }
}

type Operand = Surroundings & { readonly definition: Definition; readonly found: Found }
type Derived = Omit<Comparison, 'code'>
type Derive = (operand: Operand) => readonly Derived[]

/** "True if the set is empty or not" */
const presence = (definition: Definition, random: Random): readonly Derived[] => {
  if (definition.type === 'composite' || !random.chance(0.2)) return []
  const value = random.pick(['true', 'false'])
  return [{ operator: 'pr', value, holds: one => valuesFor(definition, one).length > 0 === (value === 'true') }]
}

/** "An item in the set has" what the test says. */
const someItem =
  (definition: Definition, test: (found: Found) => boolean): Holds =>
  resource =>
    valuesFor(definition, resource).some(test)

const whole =
  (operators: readonly string[]): Derive =>
  ({ world, random, definition, found }) => {
    const [value] = random.some(deriveTexts(world, definition, found, random), 1)
    if (value === undefined) return []
    const matches: (one: Found) => boolean = one => matchPlain(one, value, definition, world)
    const equal = someItem(definition, matches)
    const unequal = someItem(definition, one => !matches(one))
    return operators.map(operator => ({ operator, value, holds: operator === 'ne' ? unequal : equal }))
  }

/** Ignores case and accents. */
const text: Derive = ({ random, definition, found }) => {
  const [own] = random.some(definition.type === 'uri' ? [String(found.value)] : textsOf(found), 1)
  if (own === undefined || own.trim() === '') return []
  const short = own.slice(0, 200)
  const from = random.below(short.length)
  const value = random.pick([own, short, short.slice(0, from + 1), short.slice(from, from + 6), own.slice(-6)])
  const asked = random.chance(0.3) ? otherCase(value) : value
  const some = (test: (text: string) => boolean) => (one: Found) =>
    (definition.type === 'uri' ? [String(one.value)] : textsOf(one)).some(text => test(folded(text)))
  const term = folded(asked)
  const is = some(text => text === term)
  const tests: Readonly<Record<string, (one: Found) => boolean>> = {
    co: some(text => text.includes(term)),
    sw: some(text => text.startsWith(term)),
    ew: some(text => text.endsWith(term)),
    ...(definition.type === 'uri' ? {} : { eq: is, ne: (one: Found) => !is(one) }),
  }
  return Object.entries(tests).map(([operator, test]) => ({
    operator,
    value: asked,
    holds: someItem(definition, test),
  }))
}

/** The prefixes are operators. */
const ordered: Derive = ({ world, random, definition, found }) =>
  random.some(deriveTexts(world, definition, found, random), 2).map(derived => {
    const { prefix, rest } = splitPrefix(derived)
    const asked = prefix + rest
    return {
      operator: prefix,
      value: rest,
      holds: someItem(definition, one => matchPlain(one, asked, definition, world)),
    }
  })

/** "True if the implied date period in the set overlaps with the implied period in the value" */
const overlapping: Derive = operand => {
  const { definition } = operand
  return ordered(operand).map(({ value }) => ({
    operator: 'po',
    value,
    holds: someItem(definition, one => overlapsDate(one, value)),
  }))
}

/** "the value subsumes a concept in the set", "is subsumed by" one; one of the concepts, or none, is in the value set. */
const conceptual: Derive = ({ world, random, definition, found }) =>
  deriveModified(world, definition, found, random).flatMap(([modifier, value]) => {
    const operator = operatorOf[modifier]
    return operator === undefined ? [] : [{ operator, value, holds: modified(world, definition, modifier, value) }]
  })

const operatorOf: Readonly<Record<string, string>> = { in: 'in', 'not-in': 'ni', below: 'ss', above: 'sb' }

const derivers: Readonly<Partial<Record<Definition['type'], Derive>>> = {
  string: text,
  uri: operand => [...whole(['eq', 'ne'])(operand), ...text(operand)],
  token: operand => [...whole(['eq', 'ne'])(operand), ...conceptual(operand)],
  reference: whole(['eq', 'ne', 're']),
  date: operand => [...ordered(operand), ...overlapping(operand)],
  number: ordered,
  quantity: ordered,
  composite: whole(['eq']),
}
