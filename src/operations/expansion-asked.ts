import type { ValueSetExpansionParameter } from '@medplum/fhirtypes'
import { refusal } from '../search/refusal.ts'
import { mostAsked, parseBoolean, wholeNumberIn } from '../search/written-value.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only } from './parameters.ts'

/** How an expansion is wanted, apart from the value set. https://hl7.org/fhir/R4/valueset-operation-expand.html */
export type ExpansionAsked = {
  readonly words: readonly string[]
  readonly offset: number
  readonly count: number | undefined
  readonly isActiveOnly: boolean
  readonly hasDesignations: boolean
  readonly hasDefinition: boolean
  /** The language of the displays, for codes that have one in it. */
  readonly language: string | undefined
  /** Code systems whose codes are left out. */
  readonly without: ReadonlySet<string>
}

export const parseExpansionAsked = (given: URLSearchParams): ExpansionAsked => {
  const [isActiveOnly = false, hasDesignations = false, hasDefinition = false] = flags.map(name => flag(given, name))
  return {
    words: (only(given, 'filter') ?? '').toLowerCase().split(/\s+/),
    offset: numberOf(given, 'offset') ?? 0,
    count: numberOf(given, 'count'),
    isActiveOnly,
    hasDesignations,
    hasDefinition,
    language: only(given, 'displayLanguage'),
    without: new Set(given.getAll('exclude-system').map(unversioned)),
  }
}

const flags = [
  'activeOnly',
  'includeDesignations',
  'includeDefinition',
  'excludeNested',
  'excludeNotForUI',
  'excludePostCoordinated',
]

export const expansionParameters: ParameterTypes = {
  filter: 'text',
  offset: 'integer',
  count: 'integer',
  ...Object.fromEntries(flags.map(name => [name, 'boolean' as const])),
  displayLanguage: 'text',
  'exclude-system': 'text',
}

/** "Servers generating expansions SHOULD ensure that all the parameters that affect the contents of the expansion are recorded" */
export const recorded = (given: URLSearchParams): readonly ValueSetExpansionParameter[] =>
  [...given]
    .filter(([name]) => Object.hasOwn(expansionParameters, name))
    .map(([name, value]) => ({ name, ...typed(name, value) }))

const typed = (name: string, value: string): Omit<ValueSetExpansionParameter, 'name'> => {
  if (flags.includes(name)) return { valueBoolean: value === 'true' }
  if (name === 'offset' || name === 'count') return { valueInteger: Number(value) }
  if (name === 'displayLanguage') return { valueCode: value }
  return name === 'exclude-system' ? { valueUri: value } : { valueString: value }
}

/**
 * The value of a flag. Those that exclude nested, abstract or post-coordinated codes change nothing: codes are always listed flat, and none of
 * them are abstract or post-coordinated.
 */
const flag = (given: URLSearchParams, name: string): boolean => {
  return parseBoolean(name, only(given, name) ?? 'false')
}

const numberOf = (given: URLSearchParams, name: string): number | undefined => {
  const text = only(given, name)
  const number = text === undefined ? undefined : wholeNumberIn(text, { least: 0, most: mostAsked })
  if (text === undefined || number !== undefined) return number
  throw refusal(name, `${name} is a whole number, not "${text}"`)
}

const unversioned = (canonical: string): string => {
  if (!canonical.includes('|')) return canonical
  throw refusal(
    'exclude-system',
    `A code system is left out in all its versions here: name it without "|", not as "${canonical}"`,
  )
}
