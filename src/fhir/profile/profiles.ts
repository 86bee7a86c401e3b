import { type Definition, readDefinitions } from '../definition/definition-file.ts'
import type { Constraint, Element } from '../definition/structure.ts'
import type { Issue } from '../error.ts'
import { cgmDefinitions } from '../measured/cgm.ts'
import type { Registry } from '../registry.ts'
import type { Json } from '../validate/walk.ts'
import type { CodeSet, ValueSets } from '../value-set.ts'
import { backportSubscription } from './backport-subscription.ts'
import { checkProfile } from './check.ts'
import {
  canonicalOf,
  type ElementDefinition,
  namedBy,
  type Profile,
  type ProfileDefinition,
  toProfile,
} from './profile.ts'
import type { Known } from './slicing.ts'

/** Finds definitions that are stored and not published, if the caller may read them. */
export type FindStored = (url: string) => Promise<ProfileDefinition | undefined>

/** The codes of a value set, if the caller may read it and they can be listed. */
export type FindCodes = (
  valueSet: string,
) => Promise<readonly { readonly system: string; readonly code: string }[] | undefined>

/** What in a resource does not obey the profiles. A profile that is not known is an issue as well. */
export const checkProfiles = async (
  registry: Registry,
  resource: Json,
  urls: readonly string[],
  findStored: FindStored,
  findCodes: FindCodes = async () => undefined,
): Promise<readonly Issue[]> => {
  const asked = urls.map(canonicalOf)
  const definitions = await collect(registry, asked, findStored)
  const codes = await codesBoundBy([...definitions.values()], registry, findCodes)
  const profiles = new Map<string, Profile | undefined>()
  const profile = (url: string): Profile | undefined => {
    const key = canonicalOf(url)
    if (!profiles.has(key)) {
      const definition = definitions.get(key)
      profiles.set(key, definition && toProfile(definition, one => definitions.get(one)))
    }
    return profiles.get(key)
  }
  const known: Known = {
    profile,
    holds: (valueSet, value) => holds(codes.get(valueSet) ?? registry.valueSets.get(canonicalOf(valueSet)), value),
    isOfType: ({ key, source = '' }) =>
      typeOf(registry, source) !== undefined || rulesOf(registry).has(key) || recommended.test(key),
  }
  return asked.flatMap(url => {
    const found = profile(url)
    return found === undefined ? [unknown(url)] : checkProfile(found, resource, known)
  })
}

const unknown = (url: string): Issue => ({
  code: 'not-found',
  message: `The profile ${url} is not known here, so nothing was checked against it`,
  expression: 'Resource.meta.profile',
})

/** Of the types of R4 they are known; those to which only a profile binds its elements are looked up, in the version that it names. */
const codesBoundBy = async (
  definitions: readonly ProfileDefinition[],
  { valueSets }: Registry,
  findCodes: FindCodes,
): Promise<ValueSets> => {
  const elements = definitions.flatMap(({ snapshot, differential }) => (snapshot ?? differential)?.element ?? [])
  const bound = new Set(elements.flatMap(({ binding = {} }) => (isChecked(binding) ? binding.valueSet : [])))
  const codes = new Map<string, CodeSet>()
  for (const url of [...bound].filter(one => !valueSets.has(canonicalOf(one)))) {
    const found = await findCodes(url)
    // One that says nothing of its codes has none.
    if (found === undefined || found.length === 0) continue
    const bySystem = Map.groupBy(found, ({ system }) => system)
    codes.set(url, new Map([...bySystem].map(([system, all]) => [system, new Set(all.map(({ code }) => code))])))
  }
  return codes
}

type Binding = NonNullable<ElementDefinition['binding']>

const isChecked = (binding: Partial<Binding>): binding is Binding & { readonly valueSet: string } =>
  binding.valueSet !== undefined && ['required', 'extensible'].includes(binding.strength ?? '')

type Definitions = ReadonlyMap<string, ProfileDefinition>

/** The definitions, with all that they are based on. The types of R4 itself are left out, since validation has checked them. */
const collect = async (registry: Registry, urls: readonly string[], findStored: FindStored): Promise<Definitions> => {
  const found = new Map<string, ProfileDefinition>()
  const asked = new Set<string>()
  for (let wanted = urls; wanted.length > 0; ) {
    for (const url of wanted) asked.add(url)
    const published = findPublished(registry, new Set(wanted))
    for (const url of wanted) {
      const definition = typeOf(registry, url) ?? published.get(url) ?? (await findStored(url))
      if (definition !== undefined) found.set(url, definition)
    }
    wanted = [...new Set(wanted.flatMap(url => namedBy(found.get(url) ?? { url, type: '' })))].filter(
      url => !asked.has(url),
    )
  }
  return found
}

const core = 'http://hl7.org/fhir/StructureDefinition/'

const typeOf = (registry: Registry, url: string): ProfileDefinition | undefined => {
  const type = url.startsWith(core) ? url.slice(core.length) : ''
  return registry.structures.has(type) ? { url, type, snapshot: { element: [{ id: type, path: type }] } } : undefined
}

/** Our own, those of the guides on glucose and on topics, and R4's own profiles and extensions. Of R4's, only those that have been asked for are held in memory. */
const findPublished = (registry: Registry, urls: ReadonlySet<string>): Definitions => {
  const missing = new Set([...urls].filter(url => !publishedByUrl.has(url) && typeOf(registry, url) === undefined))
  const keep = (definition: Definition) => {
    if (missing.has(definition.url)) publishedByUrl.set(definition.url, definition as unknown as ProfileDefinition)
  }
  for (const definition of registry.definitions('StructureDefinition')) keep(definition)
  if ([...missing].some(url => url.startsWith(core) && !publishedByUrl.has(url))) {
    for (const file of ['profiles-others.json', 'extension-definitions.json'])
      for (const definition of readDefinitions(file, ['StructureDefinition'])) keep(definition)
  }
  return publishedByUrl
}
const publishedByUrl = new Map([...cgmDefinitions, backportSubscription].map(one => [one.url, one]))

/** Recommendations of R4's own types (`dom-6`: there should be narrative), which validation does not check. */
const recommended = /^(dom-6|con-3|nor-1|[a-z]{2,3}-0)$/

const rulesOf = (registry: Registry): ReadonlySet<string> => {
  const known = rulesByRegistry.get(registry)
  if (known !== undefined) return known
  const rules = new Set(
    [...registry.structures.values()].flatMap(({ root }) => constraintsIn(root)).map(({ key }) => key),
  )
  rulesByRegistry.set(registry, rules)
  return rules
}
const rulesByRegistry = new WeakMap<Registry, ReadonlySet<string>>()

const constraintsIn = ({ constraints, children }: Element): readonly Constraint[] => [
  ...constraints,
  ...[...children.values()].flatMap(constraintsIn),
]

/** Of anything, since what does not have the structure of R4 is compared with its profiles, too. */
type Coded = { readonly system?: unknown; readonly code?: unknown; readonly coding?: unknown }

/** Whether a code, a Coding, a Quantity, or some coding of a concept is in the value set. */
const holds = (codes: CodeSet | undefined, value: unknown): boolean | undefined => {
  if (codes === undefined) return undefined
  if (typeof value === 'string') return [...codes.values()].some(ofSystem => ofSystem.has(value))
  const { coding, system, code }: Coded = Object(value)
  if (coding !== undefined) return [coding].flat().some(one => holds(codes, one) === true)
  return typeof system === 'string' && typeof code === 'string' && codes.get(system)?.has(code) === true
}
