import type {
  CodeSystem,
  CodeSystemConceptDesignation,
  ValueSet,
  ValueSetComposeInclude,
  ValueSetExpansionContains,
} from '@medplum/fhirtypes'
import { FhirError, unlessRefused } from '../error.ts'
import { type HeldSystem, toHeldSystem } from './code-system.ts'
import { filterTest } from './filter.ts'

/** Finds definitions by their canonical URL, with or without |version; undefined if they are not known, or may not be read. */
export type FindTerminology = {
  readonly valueSet: (canonical: string) => Promise<ValueSet | undefined>
  readonly codeSystem: (canonical: string) => Promise<CodeSystem | undefined>
}

export type Member = {
  readonly system: string
  readonly code: string
  readonly display?: string | undefined
  /** Its names in other languages or for other uses. */
  readonly designation?: readonly CodeSystemConceptDesignation[] | undefined
}

/**
 * Lists the codes of value sets. Each value set and code system is looked up only once, and there is a limit to how many codes are looked at for
 * one question.
 */
export type Expansion = {
  /** All codes of a value set. Throws FhirError that says why they cannot be listed. https://hl7.org/fhir/R4/valueset.html#expansion */
  readonly codesOf: (valueSet: ValueSet) => Promise<readonly Member[]>
  /** The same for a canonical URL; undefined if that is not known. */
  readonly codesAt: (canonical: string) => Promise<readonly Member[] | undefined>
  /** The system, which we must have completely. Throws FhirError if not. */
  readonly system: (url: string) => Promise<HeldSystem>
}

/** `without`: systems whose codes are left out, so that they need not be known here. */
export const openExpansion = (find: FindTerminology, without: ReadonlySet<string> = new Set()): Expansion => {
  let codesLeft = mostLookedAt
  const expanding: Expanding = {
    within: [],
    without,
    valueSet: remembering(async canonical => {
      const found = await find.valueSet(canonical)
      return found === undefined ? undefined : { valueSet: found, known: undefined }
    }),
    system: remembering(url => readSystem(url, find)),
    lookAt: codes => {
      codesLeft -= codes
      if (codesLeft < 0) throw tooCostly(`To list these codes takes more than ${mostLookedAt} steps`)
    },
  }
  return {
    codesOf: async valueSet => [...(await membersOf(valueSet, expanding)).values()],
    codesAt: async canonical => {
      const members = await membersAt(canonical, expanding)
      return members && [...members.values()]
    },
    system: expanding.system,
  }
}

const remembering = <Found>(find: (canonical: string) => Promise<Found>): ((canonical: string) => Promise<Found>) => {
  const known = new Map<string, Promise<Found>>()
  return canonical => {
    const found = known.get(canonical) ?? find(canonical)
    known.set(canonical, found)
    return found
  }
}

const readSystem = async (url: string, find: FindTerminology): Promise<HeldSystem> => {
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

/** A value set, and its members once they are known. */
type Found = { readonly valueSet: ValueSet; known: Members | undefined }

type Expanding = {
  /** The value sets that include the current one. */
  readonly within: readonly string[]
  /** The code systems whose codes are left out. */
  readonly without: ReadonlySet<string>
  readonly valueSet: (canonical: string) => Promise<Found | undefined>
  readonly system: (url: string) => Promise<HeldSystem>
  /** Throws `too-costly` if all codes that were looked at are too many. */
  readonly lookAt: (codes: number) => void
}

const membersAt = async (canonical: string, expanding: Expanding): Promise<Members | undefined> => {
  const found = await expanding.valueSet(canonical)
  if (found === undefined) return undefined
  found.known ??= await membersOf(found.valueSet, expanding)
  return found.known
}

const membersOf = async (valueSet: ValueSet, expanding: Expanding): Promise<Members> => {
  const { within } = expanding
  const { url = '', compose, expansion } = valueSet
  if (within.includes(url) || within.length > deepest)
    throw refused(`The value set ${url} includes itself, or lies too deep in others`)
  if (compose === undefined) return toMembers(listedIn(expansion, expanding.without))
  const inside = { ...expanding, within: [...within, url] }
  const members = new Map(await allIncluded(compose.include, inside))
  if (members.size > most) throw tooCostly(`The value set ${url} has more than ${most} codes`)
  for (const [key] of await allIncluded(compose.exclude, inside)) members.delete(key)
  return compose.inactive === false ? stillActive(members, expanding) : members
}

/** "if inactive = false, the inactive codes will not be included": codes are left out if we have their system and it says so. */
const stillActive = async (members: Members, expanding: Expanding): Promise<Members> => {
  expanding.lookAt(members.size)
  const urls = [...new Set([...members.values()].map(({ system }) => system))]
  const held = new Map(await Promise.all(urls.map(async url => [url, await unlessUnheld(url, expanding)] as const)))
  return new Map(
    [...members].filter(([, { system, code }]) => held.get(system)?.concepts.get(code)?.isInactive !== true),
  )
}

const unlessUnheld = (url: string, { system }: Expanding): Promise<HeldSystem | undefined> =>
  unlessRefused(() => system(url))

const allIncluded = async (
  includes: readonly ValueSetComposeInclude[] | undefined,
  expanding: Expanding,
): Promise<Members> => {
  const members = new Map<string, Member>()
  for (const include of includes ?? []) {
    expanding.lookAt(costOfInclude)
    for (const [key, member] of await included(include, expanding)) members.set(key, member)
  }
  return members
}

/** What each include costs, in codes, however few it has: it is combined with those before it. */
const costOfInclude = 40

const deepest = 20
const most = 20_000
const mostLookedAt = 1_000_000

/** The codes that are in the system and in all of the value sets. */
const included = async (include: ValueSetComposeInclude, expanding: Expanding): Promise<Members> => {
  const { system, valueSet = [] } = include
  const lists: Members[] = system === undefined ? [] : [await ofSystem(include, system, expanding)]
  for (const canonical of valueSet) {
    const members = await membersAt(canonical, expanding)
    if (members === undefined) throw refused(`The value set ${canonical} is not known here`)
    lists.push(members)
  }
  for (const { size } of lists) expanding.lookAt(size + 1)
  const [first, ...others] = lists
  if (first === undefined) return new Map()
  return new Map([...first].filter(([key]) => others.every(other => other.has(key))))
}

const ofSystem = async (
  { concept, filter = [], version }: ValueSetComposeInclude,
  system: string,
  expanding: Expanding,
): Promise<Members> => {
  if (expanding.without.has(system)) return new Map()
  if (concept !== undefined)
    return toMembers(concept.map(({ code = '', display, designation }) => ({ system, code, display, designation })))
  const held = await expanding.system(version === undefined ? system : `${system}|${version}`)
  expanding.lookAt(held.concepts.size * (1 + filter.length))
  const tests = filter.map(one => filterTest(held, one))
  const concepts = [...held.concepts.values()].filter(one => !one.isAbstract && tests.every(test => test(one)))
  return toMembers(concepts.map(({ code, display, designation }) => ({ system, code, display, designation })))
}

const toMembers = (members: readonly Member[]): Members =>
  new Map(members.map(member => [`${member.system}|${member.code}`, member]))

const listedIn = (expansion: ValueSet['expansion'], without: ReadonlySet<string>): readonly Member[] =>
  (expansion?.contains ?? []).flatMap(flattened).filter(({ system }) => !without.has(system))

const flattened = ({ system = '', abstract, contains = [], ...one }: ValueSetExpansionContains): Member[] => [
  ...(one.code === undefined || abstract === true ? [] : [{ ...memberOf(one), system, code: one.code }]),
  ...contains.flatMap(flattened),
]

const memberOf = ({ display, designation }: ValueSetExpansionContains) => ({ display, designation })

const tooCostly = (message: string): FhirError => new FhirError('too-costly', message, { status: 400 })

const refused = (message: string): FhirError => new FhirError('not-supported', message, { status: 400 })
