import type { CodeSystem, ValueSet, ValueSetComposeInclude, ValueSetExpansionContains } from '@medplum/fhirtypes'
import { FhirError } from '../error.ts'
import { type HeldSystem, toHeldSystem } from './code-system.ts'
import { filterTest } from './filter.ts'

/** Definitions by their canonical URL, with or without |version; undefined where they are not known, or not to be read. */
export type FindTerminology = {
  readonly valueSet: (canonical: string) => Promise<ValueSet | undefined>
  readonly codeSystem: (canonical: string) => Promise<CodeSystem | undefined>
}

export type Member = { readonly system: string; readonly code: string; readonly display?: string | undefined }

/** All codes of a value set, or a refusal that says why they cannot be listed. https://hl7.org/fhir/R4/valueset.html#expansion */
export const expandValueSet = async (valueSet: ValueSet, find: FindTerminology): Promise<readonly Member[]> => [
  ...(await membersOf(valueSet, { find, within: [] })).values(),
]

/** The system as it is held here, whole; refuses where it is not. */
export const readSystem = async (url: string, find: FindTerminology): Promise<HeldSystem> => {
  const found = await find.codeSystem(url)
  const held = found === undefined ? undefined : toHeldSystem(found)
  if (held !== undefined) return held
  throw refused(
    found === undefined
      ? `The code system ${url} is not held here, so its codes cannot be listed`
      : `The code system ${url} is held here in part only, so its codes cannot be listed`,
  )
}

/** By `system|code`. */
type Members = ReadonlyMap<string, Member>

/** `within` are the value sets that include the one at hand. */
type Expanding = { readonly find: FindTerminology; readonly within: readonly string[] }

const membersOf = async (valueSet: ValueSet, { find, within }: Expanding): Promise<Members> => {
  const { url = '', compose, expansion } = valueSet
  if (within.includes(url) || within.length > deepest)
    throw refused(`The value set ${url} includes itself, or lies too deep in others`)
  if (compose === undefined) return toMembers((expansion?.contains ?? []).flatMap(flattened))
  const inside = { find, within: [...within, url] }
  const members = new Map(await allIncluded(compose.include, inside))
  if (members.size > most) throw tooMany(url)
  for (const [key] of await allIncluded(compose.exclude, inside)) members.delete(key)
  return members
}

const allIncluded = async (
  includes: readonly ValueSetComposeInclude[] | undefined,
  expanding: Expanding,
): Promise<readonly (readonly [string, Member])[]> => {
  const members: (readonly [string, Member])[] = []
  for (const include of includes ?? []) members.push(...(await included(include, expanding)))
  return members
}

const deepest = 20
const most = 20_000

/** What is of the system and of all the value sets. */
const included = async (include: ValueSetComposeInclude, expanding: Expanding): Promise<Members> => {
  const { system, valueSet = [] } = include
  const lists: Members[] = system === undefined ? [] : [await ofSystem(include, system, expanding)]
  for (const canonical of valueSet) {
    const found = await expanding.find.valueSet(canonical)
    if (found === undefined) throw refused(`The value set ${canonical} is not known here`)
    lists.push(await membersOf(found, expanding))
  }
  const [first, ...others] = lists
  if (first === undefined) return new Map()
  return new Map([...first].filter(([key]) => others.every(other => other.has(key))))
}

const ofSystem = async (
  { concept, filter, version }: ValueSetComposeInclude,
  system: string,
  { find }: Expanding,
): Promise<Members> => {
  if (concept !== undefined) return toMembers(concept.map(({ code = '', display }) => ({ system, code, display })))
  const held = await readSystem(version === undefined ? system : `${system}|${version}`, find)
  const tests = (filter ?? []).map(one => filterTest(held, one))
  const concepts = [...held.concepts.values()].filter(one => !one.isAbstract && tests.every(test => test(one)))
  return toMembers(concepts.map(({ code, display }) => ({ system, code, display })))
}

const toMembers = (members: readonly Member[]): Members =>
  new Map(members.map(member => [`${member.system}|${member.code}`, member]))

const flattened = ({ system = '', code, display, abstract, contains = [] }: ValueSetExpansionContains): Member[] => [
  ...(code === undefined || abstract === true ? [] : [{ system, code, display }]),
  ...contains.flatMap(flattened),
]

const tooMany = (url: string): FhirError =>
  new FhirError('too-costly', `The value set ${url} has more than ${most} codes`, { status: 400 })

const refused = (message: string): FhirError => new FhirError('not-supported', message, { status: 400 })
