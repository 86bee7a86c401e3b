import type { Definition, ParameterType } from '../definitions.ts'
import { valuesFor } from '../match/matches.ts'
import { wordsOf } from '../match/words.ts'
import type { Random } from '../random.ts'
import type { Criterion } from '../select.ts'
import { type Found, partsOf } from '../values.ts'
import type { World } from '../world.ts'
import { deriveDates } from './date.ts'
import { deriveModified } from './modified.ts'
import { deriveNear } from './near.ts'
import { deriveNumbers } from './number.ts'
import { deriveQuantities } from './quantity.ts'
import { deriveReferences } from './reference.ts'
import { deriveStrings } from './string.ts'
import { deriveTokens } from './token.ts'
import { deriveUris } from './uri.ts'
import { deriveWords } from './words.ts'

/** Searches by one parameter of one type, for values that the resources have and values near them. */
export const derive = (
  world: World,
  type: string,
  definition: Definition,
  random: Random,
  count: number,
): readonly Criterion[] => {
  const words = deriveWords(world, type, definition, random)
  const texts = words.length > 0 ? words : textsFrom(world, type, definition, random, count)
  const plain = random.some(texts.length === 0 ? [unknown(world, definition)] : texts, count)
  return [
    ...plain.map((text): Criterion => [definition.code, text]),
    ...(words.length > 0 ? [] : either(definition, plain)),
    ...modified(world, type, definition, plain, random),
  ]
}

/** Enough values to choose from, of as many resources as that takes. */
const textsFrom = (
  world: World,
  type: string,
  definition: Definition,
  random: Random,
  count: number,
): readonly string[] => {
  const resources = world.resourcesOf(type).filter(one => valuesFor(definition, one).length > 0)
  const texts = new Set<string>()
  for (const resource of random.some(resources, 30)) {
    if (texts.size > count * 6) break
    const found = random.pick(valuesFor(definition, resource))
    for (const text of deriveTexts(world, definition, found, random)) texts.add(text)
  }
  return [...texts]
}

/** What no resource has. */
const unknown = (world: World, { type, component = [] }: Definition): string =>
  type === 'composite'
    ? component
        .map(({ definition }) => world.parameterByUrl(definition))
        .map(part => (part === undefined ? '' : unknown(world, part)))
        .join('$')
    : unknowns[type]

const unknowns: Readonly<Record<Exclude<ParameterType, 'composite'>, string>> = {
  token: 'nothing',
  reference: 'nothing',
  date: '1800-01-01',
  string: 'nothing',
  quantity: '8.125',
  number: '8.125',
  uri: 'http://nothing.example',
  special: '0|0|1',
}

/** Two values with a comma between them mean either. */
const either = ({ code }: Definition, texts: readonly string[]): readonly Criterion[] => {
  const [one, other] = texts
  return one === undefined || other === undefined ? [] : [[code, `${one},${other}`]]
}

const modified = (
  world: World,
  type: string,
  definition: Definition,
  texts: readonly string[],
  random: Random,
): readonly Criterion[] => {
  const { code } = definition
  const values = world.resourcesOf(type).flatMap(resource => valuesFor(definition, resource))
  const derived = random.some(values, 12).flatMap(found => deriveModified(world, definition, found, random))
  return [
    ...(mayBeMissing(definition) ? ([[`${code}:missing`, random.pick(['true', 'false'])]] as const) : []),
    ...(definition.type === 'token' ? random.some(texts, 1).map((text): Criterion => [`${code}:not`, text]) : []),
    ...onePerModifier(derived).map(([modifier, text]): Criterion => [`${code}:${modifier}`, text]),
  ]
}

/** "For all parameters (except combination)", and except those that search for words, which have no element that could be missing. */
const mayBeMissing = ({ type, code }: Definition): boolean => type !== 'composite' && !(code in wordsOf)

const onePerModifier = (derived: readonly Criterion[]): readonly Criterion[] => [...new Map(derived)]

/** Texts with which to search for one value; some of them find it. */
export const deriveTexts = (world: World, definition: Definition, found: Found, random: Random): readonly string[] =>
  definition.type === 'composite'
    ? deriveComposites(world, definition, found, random)
    : derivers[definition.type](found, random)

const derivers: Readonly<
  Record<Exclude<ParameterType, 'composite'>, (found: Found, random: Random) => readonly string[]>
> = {
  token: deriveTokens,
  reference: deriveReferences,
  date: deriveDates,
  string: deriveStrings,
  quantity: deriveQuantities,
  number: (found, random) => deriveNumbers(found.value, random),
  uri: deriveUris,
  special: deriveNear,
}

/** https://hl7.org/fhir/R4/search.html#composite: parts of one and the same element. */
const deriveComposites = (
  world: World,
  { component = [] }: Definition,
  place: Found,
  random: Random,
): readonly string[] => {
  const parts = component.map(({ definition, expression }) => {
    const part = world.parameterByUrl(definition)
    return part === undefined
      ? []
      : partsOf(expression, place).flatMap(found => deriveTexts(world, part, found, random))
  })
  if (parts.some(texts => texts.length === 0)) return []
  return [1, 2, 3].map(() => parts.map(texts => random.pick(texts)).join('$'))
}
