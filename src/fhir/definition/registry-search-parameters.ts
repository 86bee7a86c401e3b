import type { ResourceType } from '@medplum/fhirtypes'
import unsupported from '../../../capability/unsupported-parameters.json' with { type: 'json' }
import { correctedParts } from './corrected-parameter.ts'
import { startOf, targetsOf, toPaths, type Way, waysOf } from './path-compiler.ts'
import { isResourceType, resourceTypes } from './resource-type.ts'
import type { SearchParameter, SearchParameterType } from './search-parameter.ts'
import type { Structures } from './structure.ts'

/** What is read of a published SearchParameter. */
export type SearchParameterDefinition = {
  readonly resourceType: string
  readonly url: string
  readonly code: string
  readonly base: readonly string[]
  readonly type: SearchParameterType
  readonly expression?: string
  readonly target?: readonly string[]
  readonly component?: readonly { readonly definition: string; readonly expression: string }[]
}

/** The published definitions that are not supported, and why, by url. */
export const unsupportedParameters: Readonly<Record<string, string>> = Object.fromEntries(
  unsupported.map(({ url, reason }) => [url, reason]),
)

export type SearchParameters = ReadonlyMap<ResourceType, ReadonlyMap<string, SearchParameter>>

/** Every definition for every type of its base. A later definition of the same type and code replaces an earlier one. */
export const compileSearchParameters = (
  structures: Structures,
  definitions: readonly SearchParameterDefinition[],
): SearchParameters => {
  const byUrl = new Map(definitions.map(definition => [definition.url, definition]))
  const byType = new Map(resourceTypes.map(type => [type, new Map<string, SearchParameter>()]))
  for (const definition of definitions) {
    if (definition.url in unsupportedParameters) continue
    for (const type of basesOf(definition)) {
      byType.get(type)?.set(definition.code, compileOne({ structures, byUrl }, definition, type))
    }
  }
  return byType
}

type Context = {
  readonly structures: Structures
  readonly byUrl: ReadonlyMap<string, SearchParameterDefinition>
}

const abstractBases: Readonly<Record<string, readonly ResourceType[]>> = {
  Resource: resourceTypes,
  DomainResource: resourceTypes.filter(type => !['Bundle', 'Binary', 'Parameters'].includes(type)),
}

const basesOf = ({ base }: SearchParameterDefinition): readonly ResourceType[] =>
  base.flatMap(type => abstractBases[type] ?? (isResourceType(type) ? [type] : []))

const compileOne = (context: Context, definition: SearchParameterDefinition, base: ResourceType): SearchParameter => {
  const { code, url, expression = '' } = definition
  const parts = correctedParts[url] ?? definition.component ?? []
  const type = fullText.has(url) ? 'special' : definition.type
  const start = startOf(context.structures, base)
  const ways = start === undefined || fullText.has(url) ? [] : waysOf(context.structures, start, expression)
  return {
    base,
    code,
    url,
    type,
    paths: toPaths(ways, type),
    targets: type === 'reference' ? narrowed(targetsOf(ways), definition.target) : [],
    components: parts.map(part => compilePart(context, part, ways, base)),
  }
}

/** They look for words in many elements at once, so the rules for strings do not apply to them; R5 gives them the type `special` as well. */
const fullText: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/SearchParameter/DomainResource-text',
  'http://hl7.org/fhir/SearchParameter/Resource-content',
])

/** The definition may name fewer types than the element allows, and also some that mean nothing here, such as `Resource`. */
const narrowed = (allowed: readonly ResourceType[], named: readonly string[] = []): readonly ResourceType[] => {
  if (allowed.length === 0) return named.filter(isResourceType)
  const both = allowed.filter(type => named.includes(type))
  return both.length === 0 ? allowed : both
}

const compilePart = (
  { structures, byUrl }: Context,
  { definition: url, expression }: { readonly definition: string; readonly expression: string },
  composites: readonly Way[],
  base: ResourceType,
): SearchParameter => {
  const definition = byUrl.get(url)
  if (definition === undefined) throw new Error(`a composite has the unknown part ${url}`)
  const outside = expression.startsWith(ofResource)
  const start = outside ? startOf(structures, base) : undefined
  const from = start === undefined ? composites.map(way => ({ ...way, steps: [] })) : [start]
  const ways = from.flatMap(way => waysOf(structures, way, outside ? expression.slice(ofResource.length) : expression))
  const targets = definition.type === 'reference' ? narrowed(targetsOf(ways), definition.target) : []
  const { code, type } = definition
  const part = { base, code, url, type, paths: toPaths(ways, type), targets, components: [] }
  return outside ? { ...part, ofResource: true } : part
}

/** How the expression of a composite's part leads out of the element that the composite is about. */
const ofResource = '%resource.'
