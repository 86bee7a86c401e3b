import type { Definition } from '../definitions.ts'
import { escapedText } from '../match/escape.ts'
import { isHierarchical, partsOfWhole, wholesAbove } from '../match/hierarchy.ts'
import { textsFor } from '../match/modifiers.ts'
import { localKey, referredBy, typeOf } from '../match/reference.ts'
import { textsOf } from '../match/string.ts'
import { codeSystemOf, listedIn } from '../match/terminology.ts'
import { tokensOf } from '../match/token.ts'
import type { Random } from '../random.ts'
import type { Criterion } from '../select.ts'
import type { Found } from '../values.ts'
import type { World } from '../world.ts'
import { versionsAround } from './reference.ts'
import { otherCase } from './token.ts'

/** Modifier and text, for each modifier to which the value has something. https://hl7.org/fhir/R4/search.html#modifiers */
export const deriveModified = (
  world: World,
  definition: Definition,
  found: Found,
  random: Random,
): readonly Criterion[] => {
  const { type } = definition
  if (type === 'string') return ofString(found, random)
  if (type === 'token') return [...ofToken(world, found, random), ...ofText(found, random), ...ofIdentifier(found)]
  if (type === 'reference')
    return [...ofReference(found), ...ofHierarchy(world, definition, found, random), ...ofText(found, random)]
  return type === 'uri' ? ofUri(found, random) : []
}

const ofString = (found: Found, random: Random): readonly Criterion[] =>
  random.some(textsOf(found), 1).flatMap(text => {
    const from = random.below(text.length)
    const middle = text.slice(from, from + 5)
    const whole = escapedText(random.pick([text, text, otherCase(text), text.slice(1)]).slice(0, 500))
    return [
      ['exact', whole] as const,
      ['contains', escapedText(random.pick([middle, otherCase(middle)]))] as const,
    ].filter(([, value]) => value.trim() !== '')
  })

const ofText = ({ type, value }: Found, random: Random): readonly Criterion[] =>
  random
    .some(textsFor(type, value), 1)
    .map(text => text.slice(0, 1 + random.below(12)))
    .filter(text => text.trim() !== '')
    .map(text => ['text', escapedText(random.pick([text, otherCase(text)]))])

/** Its codes among those of a value set, and in the hierarchy of their system. */
const ofToken = (world: World, found: Found, random: Random): readonly Criterion[] => {
  if (!['Coding', 'CodeableConcept', 'code'].includes(found.type)) return []
  return tokensOf(found).flatMap(({ system, code }): readonly Criterion[] => {
    if (system === undefined || code === undefined) return []
    const sets = valueSetsOf(world).get(system) ?? []
    const known = codeSystemOf(world, system) !== undefined
    const token = `${escapedText(system)}|${escapedText(code)}`
    return [
      ...random
        .some(sets, 1)
        .flatMap(url => [['in', escapedText(url)] as const, ['not-in', escapedText(url)] as const]),
      ...(known ? [['above', token] as const, ['below', token] as const] : []),
      ...(system === mimeTypes ? [['below', code.replace(/\s*;.*/, '')] as const] : []),
    ]
  })
}

const mimeTypes = 'urn:ietf:bcp:13'

/** The URLs of the value sets that list some codes of a system, by system. */
const valueSetsOf = (world: World): ReadonlyMap<string, readonly string[]> => {
  const known = remembered.get(world)
  if (known !== undefined) return known
  const pairs = world.resourcesOf('ValueSet').flatMap(({ url }) => {
    const listed = typeof url === 'string' ? (listedIn(world, url) ?? []) : []
    return [...new Set(listed.map(({ system = '' }) => system))].map(system => ({ system, url: String(url) }))
  })
  const bySystem = Map.groupBy(pairs, ({ system }) => system)
  const made = new Map([...bySystem].map(([system, of]) => [system, of.map(({ url }) => url)]))
  remembered.set(world, made)
  return made
}
const remembered = new WeakMap<World, ReadonlyMap<string, readonly string[]>>()

const ofIdentifier = ({ type, value }: Found): readonly Criterion[] => {
  if (type !== 'Identifier') return []
  const { type: kind, value: number } = value as {
    readonly type?: { readonly coding?: readonly { readonly system?: string; readonly code?: string }[] }
    readonly value?: string
  }
  return (kind?.coding ?? []).flatMap(({ system, code }) =>
    system === undefined || code === undefined || number === undefined
      ? []
      : [['of-type', [system, code, number].map(escapedText).join('|')] as const],
  )
}

const ofReference = (found: Found): readonly Criterion[] => {
  if (found.type !== 'Reference') return []
  const [type, id = ''] = localKey(referredBy(found) ?? '')?.split('/') ?? []
  const { identifier: { system = '', value } = {} } = found.value as {
    readonly identifier?: { readonly system?: string; readonly value?: string }
  }
  return [
    ...(type === undefined ? [] : [[type, id] as const]),
    ...(value === undefined ? [] : [['identifier', `${escapedText(system)}|${escapedText(value)}`] as const]),
  ]
}

/** With what it is part of and what is part of it; for a canonical, with more and less of its version. */
const ofHierarchy = (world: World, definition: Definition, found: Found, random: Random): readonly Criterion[] => {
  const referred = referredBy(found) ?? ''
  if (found.type !== 'Reference')
    return isUrl.test(referred) ? random.some(versionsAround(found), 1).map(text => ['below', text]) : []
  const key = localKey(referred)
  if (key === undefined || !isHierarchical(world, definition, typeOf(key))) return []
  const around = [...wholesAbove(world, key), ...partsOfWhole(world, key)]
  return (['above', 'below'] as const).map(modifier => {
    const asked = random.pick(around)
    return [modifier, random.chance(0.3) ? asked.replace(/.*\//, '') : asked]
  })
}

const isUrl = /^[a-z][a-z0-9+.-]*:\S+$/i

const ofUri = ({ value }: Found, random: Random): readonly Criterion[] => {
  if (typeof value !== 'string' || /^urn:/i.test(value) || value === '') return []
  const start = value.slice(0, 1 + random.below(value.length))
  return [
    ['below', escapedText(start)],
    ['above', escapedText(`${value}/more`)],
  ]
}
