import type { Definition, ParameterType } from '../definitions.ts'
import type { Found } from '../values.ts'
import type { World } from '../world.ts'
import { sameness } from './class.ts'
import { plainText, split } from './escape.ts'
import { matchHierarchy } from './hierarchy.ts'
import { type Holds, type Match, matchPlain, someValue, valuesFor } from './matches.ts'
import { matchReference, matchVersionsBelow } from './reference.ts'
import { beginsWord, matchContains, matchExact } from './string.ts'
import { codeSystemOf, listedIn, subsuming } from './terminology.ts'
import { parseToken, type Token, tokenHolds, tokensOf } from './token.ts'

/** https://hl7.org/fhir/R4/search.html#modifiers */
export const modified = (world: World, definition: Definition, modifier: string, value: string): Holds => {
  if (modifier === 'missing') return isMissing(definition, value)
  if (modifier === 'not') return negated(someValue(world, definition, value, matchPlain))
  if (modifier === 'not-in') return negated(someValue(world, definition, value, matchIn))
  const match = matchers[modifier] ?? (/^[A-Z]/.test(modifier) ? ofType(modifier) : undefined)
  if (match === undefined) throw new Error(`the oracle does not know :${modifier}`)
  return someValue(world, definition, value, match)
}

/** "gender:missing=true will return all the resources that don't have a value for the gender parameter" */
const isMissing = (definition: Definition, value: string): Holds => {
  const [asked] = split(',', value)
  return resource => (valuesFor(definition, resource).length === 0) === (asked === 'true')
}

/** "returns all resources that do not have a matching item", including those without the element */
const negated =
  (holds: Holds): Holds =>
  resource =>
    !holds(resource)

/** "The search parameter only applies to the Resource Type specified": the value is an id. */
const ofType =
  (type: string): Match =>
  (found, text) =>
    matchReference(found, text.includes('/') ? text : `${type}/${text}`)

/** "tests whether the coding is in the specified value set", which the text names by its URL */
const matchIn: Match = (found, text, definition, world) => {
  const listed = listedIn(world, plainText(text))
  if (listed === undefined) throw new Error(`the oracle does not know what is in ${text}`)
  return someOf(found, listed, definition)
}

const someOf = (found: Found, listed: readonly Token[], definition: Definition): boolean => {
  const keyOf = sameness(definition)
  const keys = new Set(listed.map(keyOf))
  return tokensOf(found).some(token => keys.has(keyOf(token)))
}

/** "tests whether the value in a resource is subsumed by the specified value", or subsumes it */
const subsumption =
  (reach: 'above' | 'below'): Match =>
  (found, text, definition, world) => {
    const { system = '', code: asked } = parseToken(text)
    const codeSystem = codeSystemOf(world, system)
    if (codeSystem === undefined) throw new Error(`the oracle does not know ${system}`)
    const codes = [...subsuming(codeSystem, asked, reach)].map(code => ({ system, code }))
    return someOf(found, codes, definition)
  }

/** "either the search term left-matches the value, or vice-versa" https://hl7.org/fhir/R4/search.html#uri */
const leftMatch: Readonly<Record<'above' | 'below', Match>> = {
  above: ({ value }, text) => value !== '' && plainText(text).startsWith(String(value)),
  below: ({ value }, text) => String(value).startsWith(plainText(text)),
}

/** https://hl7.org/fhir/R4/search.html#mimetype: below a type is the type with any parameters. */
const mimeOrSubsumed: Match = (found, text, definition, world) =>
  text.includes('|')
    ? subsumption('below')(found, text, definition, world)
    : String(found.value).split(';')[0]?.trim() === plainText(text)

/** A parameter looks at references or at canonicals, never at both. */
const referenceBelow: Match = (found, text, definition, world) =>
  found.type === 'Reference' ? matchHierarchy.below(found, text, definition, world) : matchVersionsBelow(found, text)

const reachingByType: Readonly<Partial<Record<ParameterType, Readonly<Record<'above' | 'below', Match>>>>> = {
  uri: leftMatch,
  token: { above: subsumption('above'), below: mimeOrSubsumed },
  reference: { above: matchHierarchy.above, below: referenceBelow },
}

const reaching =
  (reach: 'above' | 'below'): Match =>
  (found, text, definition, world) =>
    reachingByType[definition.type]?.[reach](found, text, definition, world) ?? false

type Identifier = Token & { readonly value?: string; readonly type?: { readonly coding?: readonly Token[] } }

/** "system|code|value, where the system and code refer to an Identifier.type.coding"; "All 3 parts must be present" */
const matchOfType: Match = ({ type, value }, text) => {
  const [system, code, asked] = split('|', text).map(plainText)
  const identifier = value as Identifier
  if (type !== 'Identifier' || identifier.value !== asked) return false
  return identifier.type?.coding?.some(one => one.system === system && one.code === code) === true
}

/** "applies to the identifier on the resource, not the reference" */
const matchIdentifier: Match = ({ type, value }, text) => {
  const { identifier } = value as { readonly identifier?: Identifier }
  if (type !== 'Reference' || identifier === undefined) return false
  return tokenHolds({ system: identifier.system, code: identifier.value }, parseToken(text))
}

type Named = { readonly display?: string; readonly text?: string }

/** "CodeableConcept.text, Coding.display, or Identifier.type.text … functions as a normal string search" */
const textsBeside: Readonly<Record<string, (value: never) => readonly (string | undefined)[]>> = {
  CodeableConcept: ({ text, coding = [] }: Named & { readonly coding?: readonly Named[] }) => [
    text,
    ...coding.map(({ display }) => display),
  ],
  Coding: ({ display }: Named) => [display],
  Identifier: ({ type }: { readonly type?: Named }) => [type?.text],
  Reference: ({ display }: Named) => [display],
}

export const textsFor = (type: string, value: unknown): readonly string[] =>
  (textsBeside[type]?.(value as never) ?? []).filter(text => text !== undefined)

const matchText: Match = ({ type, value }, text) => textsFor(type, value).some(one => beginsWord(one, plainText(text)))

const matchers: Readonly<Record<string, Match>> = {
  contains: (found, text) => matchContains(found, text),
  exact: (found, text) => matchExact(found, text),
  text: matchText,
  in: matchIn,
  above: reaching('above'),
  below: reaching('below'),
  'of-type': matchOfType,
  identifier: matchIdentifier,
}
