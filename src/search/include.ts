import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Registry } from '../fhir/registry.ts'
import { possibleTargets } from './path.ts'
import { refusal } from './refusal.ts'

/** Resources that come along with the matches. https://hl7.org/fhir/R4/search.html#include */
export type Include = {
  /** Whether it follows what a resource refers to, or what refers to the resource. */
  readonly kind: 'include' | 'revinclude'
  /** Whether it also follows from resources that came along. */
  readonly iterate: boolean
  readonly links: readonly IncludeLink[]
  /** The types that are asked for by name; empty for a wildcard, which takes whatever the caller may see. */
  readonly named: readonly ResourceType[]
}

/** A reference parameter of the source type, and the target types to or from which it is followed. */
export type IncludeLink = {
  readonly source: ResourceType
  readonly parameter: SearchParameter
  readonly targets: readonly ResourceType[]
}

/** `Observation:subject`, `Observation:subject:Patient`, `Observation:*`, `*`, in a search for any of the types. */
export const parseInclude = (
  registry: Registry,
  types: readonly ResourceType[],
  [name, text]: readonly [name: string, text: string],
): Include => {
  const [parameterName = '', modifier] = name.split(':', 2)
  const kind = parameterName === '_include' ? 'include' : 'revinclude'
  const reading: Reading = { registry, types, name, text, kind, iterate: isIterate(name, modifier) }
  const links = linksOf(reading, text.split(':'))
  return { kind, iterate: reading.iterate, links, named: text.includes('*') ? [] : namedIn(kind, links) }
}

/** The part that concerns the search for one of the types; undefined if it concerns only the others. */
export const includeOf = (include: Include, type: ResourceType): Include | undefined => {
  if (include.iterate) return include
  const links =
    include.kind === 'include'
      ? include.links.filter(({ source }) => source === type)
      : include.links.flatMap(link => (link.targets.includes(type) ? { ...link, targets: [type] } : []))
  const named = include.named.length === 0 ? [] : namedIn(include.kind, links)
  return links.length === 0 ? undefined : { ...include, links, named }
}

/** Every include of a search for the type, as a CapabilityStatement lists them. */
export const possibleIncludes = (registry: Registry, type: ResourceType): readonly string[] => [
  '*',
  ...referencesOf(registry, type).map(({ code }) => `${type}:${code}`),
]

export const possibleReverseIncludes = (registry: Registry, type: ResourceType): readonly string[] => [
  '*',
  ...registry.resourceTypes.flatMap(source =>
    referencesOf(registry, source)
      .filter(parameter => possibleTargets(registry, parameter).includes(type))
      .map(({ code }) => `${source}:${code}`),
  ),
]

type Reading = Pick<Include, 'kind' | 'iterate'> & {
  readonly registry: Registry
  readonly types: readonly ResourceType[]
  readonly name: string
  readonly text: string
}

const isIterate = (name: string, modifier: string | undefined): boolean => {
  if (modifier === undefined) return false
  // STU3 called it `:recurse`.
  if (modifier === 'iterate' || modifier === 'recurse') return true
  throw refusal(name, `The modifier ":${modifier}" is not supported for "${name.split(':')[0]}"; supported: :iterate`)
}

const linksOf = (reading: Reading, parts: readonly string[]): readonly IncludeLink[] => {
  const [source = '', code, target, ...more] = parts
  if (source === '*' && code === undefined) return linksFrom(reading, sourcesOf(reading), undefined)
  if (code === undefined || code === '' || more.length > 0)
    throw refusal(reading.name, `"${reading.text}" is not of the form ${forms}`)
  if (!reading.registry.isResourceType(source))
    throw refusal(reading.name, `"${source}" is not a resource type of FHIR R4: an include is of the form ${forms}`)
  const links =
    code === '*'
      ? linksFrom(reading, [source], target)
      : [narrowed(reading, linkOf(reading, source, code), target)].filter(one => one.targets.length > 0)
  if (links.length === 0) throw leadsNowhere(reading, source, code)
  return links
}

/** The types at which the links of `*` start. */
const sourcesOf = ({ registry, types, kind, iterate }: Reading): readonly ResourceType[] =>
  kind === 'include' && !iterate ? registry.resourceTypes.filter(one => types.includes(one)) : registry.resourceTypes

const forms = '[type]:[reference parameter], [type]:[reference parameter]:[target type], [type]:* or *'

const linkOf = ({ registry, name }: Reading, source: ResourceType, code: string): IncludeLink => {
  const parameter = registry.searchParameter(source, code)
  if (parameter?.type === 'reference') return { source, parameter, targets: possibleTargets(registry, parameter) }
  const codes = referencesOf(registry, source).map(one => one.code)
  const said = codes.length === 0 ? 'it has none' : `it has: ${codes.join(', ')}`
  throw refusal(name, `${source} has no reference parameter "${code}"; ${said}`)
}

const linksFrom = (reading: Reading, sources: readonly ResourceType[], target: string | undefined) =>
  sources.flatMap(source =>
    referencesOf(reading.registry, source)
      .map(({ code }) => narrowed(reading, linkOf(reading, source, code), target))
      .filter(({ targets }) => targets.length > 0),
  )

/** Without `:iterate`, links start at the matches (`_include`) or lead to them (`_revinclude`), so that end must be of a type that is searched. */
const narrowed = (reading: Reading, link: IncludeLink, target: string | undefined): IncludeLink => {
  const { kind, iterate, types } = reading
  const asked = target === undefined ? link.targets : link.targets.filter(one => one === target)
  if (iterate) return { ...link, targets: asked }
  if (kind === 'revinclude') return { ...link, targets: asked.filter(one => types.includes(one)) }
  return { ...link, targets: types.includes(link.source) ? asked : [] }
}

const leadsNowhere = ({ kind, name, text, types, registry }: Reading, source: ResourceType, code: string) => {
  const parameter = registry.searchParameter(source, code)
  const targets = parameter === undefined ? [] : possibleTargets(registry, parameter)
  const reach =
    targets.length === 0 || targets.length > 20 ? '' : `; ${code} of ${source} refers to ${targets.join(', ')}`
  const end = kind === 'include' ? `starts at ${source}` : `does not lead to ${types.join(' or ')}`
  return refusal(
    name,
    `"${text}" finds nothing here: it ${end}${reach}. Only ${name.split(':')[0]}:iterate follows from what was included`,
  )
}

const namedIn = (kind: Include['kind'], links: readonly IncludeLink[]): readonly ResourceType[] =>
  links.flatMap(({ source, targets }) => (kind === 'include' ? targets : [source]))

const referencesOf = (registry: Registry, type: ResourceType): readonly SearchParameter[] =>
  registry.searchParametersOf(type).filter(parameter => parameter.type === 'reference')
