/** The interactions, operations and search parameters as https://spec.openapis.org/oas/v3.0.3 has them. */

import type { ResourceType } from '@medplum/fhirtypes'
import server from '../../capability/server.json' with { type: 'json' }
import { compartments } from '../fhir/definition/compartment.ts'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import { historyNames } from '../interactions/history.ts'
import type { Interaction } from '../interactions/interaction.ts'
import { routesOf } from '../operations/operation.ts'
import { universalParameters } from '../search/universal-parameter.ts'
import { hasText, historyText, includeText, resultText } from './parameter-text.ts'
import { type Served, sentFormats } from './statement.ts'

export type OpenApiOptions = {
  readonly base: string
  /** What the definition of a parameter says about it for the type. */
  readonly descriptionOf: (parameter: SearchParameter, type: ResourceType) => string
}

/** The search of each type has a path of its own, with its parameters; everything else is one path with the type in it. */
export const toOpenApi = (served: Omit<Served, 'codeClasses'>, options: OpenApiOptions): object => {
  const { registry, operations, interactions, version } = served
  const rows = [...interactions, ...operations.flatMap(routesOf)]
  const paths: Record<string, Record<string, object>> = {}
  for (const row of rows) {
    for (const { path, tag, type } of placesOf(row, registry.resourceTypes)) {
      const at = paths[path] ?? {}
      paths[path] = at
      const method = row.method.toLowerCase()
      const before = at[method] as Described | undefined
      at[method] = before === undefined ? operationOf(row, path, tag, served, options, type) : joined(before, row)
    }
  }
  return {
    openapi: '3.0.3',
    info: { title: server.title, version, description: server.description },
    servers: [{ url: options.base }],
    security: [{ bearer: [] }],
    tags: [...generalTags, ...registry.resourceTypes].map(name => ({ name })),
    paths,
    components: componentsOf(served, options),
  }
}

const generalTags = ['Every type', 'The whole server', 'Operations'] as const

type Place = { readonly path: string; readonly tag: string; readonly type?: ResourceType }

/** Where a row is served: searches, and operations of only some types, are listed below their types. */
const placesOf = (row: Interaction, types: readonly ResourceType[]): readonly Place[] => {
  const path = `/${row.path.replace(/:(\w+)/g, '{$1}')}`
  const isSearch = row.path === ':type' && row.method === 'GET'
  const own = row.name === 'operation' && row.types !== 'all' && row.path.startsWith(':type') ? row.types : []
  const listed = isSearch ? types : own
  if (listed.length > 0) return listed.map(type => ({ path: path.replace('{type}', type), tag: type, type }))
  if (row.name === 'operation') return [{ path, tag: 'Operations' }]
  return [{ path, tag: row.path.startsWith(':type') ? 'Every type' : 'The whole server' }]
}

type Described = { readonly summary: string; readonly description: string }

const operationOf = (
  row: Interaction,
  path: string,
  tag: string,
  served: Omit<Served, 'codeClasses'>,
  options: OpenApiOptions,
  type: ResourceType | undefined,
): object => ({
  tags: [tag],
  operationId: `${row.method.toLowerCase()}${path.replace(/\W+/g, '-')}`,
  summary: row.name === 'operation' ? path.replace(/^.*\//, '') : row.name,
  description: row.documentation,
  parameters: [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => reference('parameters', name)),
    ...queryOf(row, served, options, type),
    ...presentation,
  ],
  ...bodyOf(row),
  responses: { default: reference('responses', 'answer') },
})

/** What may stand in the URL behind the path. A search that is posted has its parameters in the body. */
const queryOf = (
  row: Interaction,
  served: Omit<Served, 'codeClasses'>,
  options: OpenApiOptions,
  type: ResourceType | undefined,
): readonly object[] => {
  if (row.body === 'form') return []
  switch (row.name) {
    case 'search-type':
    case 'search-system':
      return type === undefined ? named(everyTypeNames) : searchParametersOf(type, served, options)
    case 'read':
    case 'vread':
      return named(subsetNames)
    case 'history-instance':
    case 'history-type':
    case 'history-system':
      return named(historyNames.filter(name => !presented.includes(name)))
    case 'operation':
      return operationParametersOf(row, served, options, type)
    default:
      return []
  }
}

const named = (names: readonly string[]): readonly object[] => names.map(name => reference('parameters', name))

/** By the table by which the operation reads its parameters. */
const operationParametersOf = (
  { takes }: Extract<Interaction, { name: 'operation' }>,
  served: Omit<Served, 'codeClasses'>,
  { descriptionOf }: OpenApiOptions,
  type: ResourceType | undefined,
): readonly object[] => {
  const { primitives, searches } = takes()
  const searched = searches && type !== undefined ? served.registry.searchParametersOf(type) : []
  return [
    ...Object.entries(primitives).map(([name, of]) => ({
      name,
      in: 'query',
      schema: schemaOf[of] ?? { type: 'string' },
    })),
    ...searched.map(one => ownParameter(one, descriptionOf(one, type ?? 'Basic'))),
  ]
}

const schemaOf: Readonly<Record<string, object>> = {
  boolean: { type: 'boolean' },
  integer: { type: 'integer' },
  integer64: { type: 'integer', format: 'int64' },
  decimal: { type: 'number' },
}

/** Two interactions are posted to the base; the type of the Bundle says which. */
const joined = ({ summary, description, ...rest }: Described, row: Interaction): object => ({
  ...rest,
  summary: `${summary} or ${row.name}`,
  description: `${description}\n\n${row.name}: ${row.documentation}`,
})

const searchParametersOf = (
  type: ResourceType,
  { registry }: Pick<Served, 'registry'>,
  { descriptionOf }: OpenApiOptions,
): readonly object[] => [
  ...registry.searchParametersOf(type).map(one => ownParameter(one, descriptionOf(one, type))),
  ...commonNames.map(name => reference('parameters', name)),
]

const ownParameter = (one: SearchParameter, description: string): object =>
  isCommon(one.code) ? reference('parameters', one.code) : queryParameter(one.code, textOf(one, description))

const isCommon = (code: string): boolean => /^_(?:id|lastUpdated|tag|profile|security|source)$/.test(code)

const textOf = ({ type, targets }: SearchParameter, description: string): string =>
  [
    `${type}.`,
    description,
    ...(targets.length === 0 || targets.length > 20 ? [] : [`To: ${targets.join(', ')}.`]),
  ].join(' ')

const commonText: Readonly<Record<string, string>> = {
  ...Object.fromEntries(universalParameters.map(({ name, documentation }) => [name, documentation])),
  _has: hasText,
  ...includeText,
  ...resultText,
}
const presented = ['_format', '_pretty']
const commonNames = Object.keys(commonText).filter(name => !presented.includes(name))
const subsetNames = ['_summary', '_elements']
const everyTypeNames = ['_id', '_lastUpdated', '_tag', '_profile', '_security', '_source', ...commonNames]
const presentation = presented.map(name => ({ $ref: `#/components/parameters/${name}` }))

const queryParameter = (name: string, description: string): object => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
})

const reference = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` })

const bodyOf = (row: Interaction): object => {
  const { body } = row
  if (body === 'none') return {}
  const types = {
    form: ['application/x-www-form-urlencoded'],
    patch: ['application/json-patch+json', ...sentFormats],
    resource: sentFormats,
  }
  const { complex = [] } = row.name === 'operation' ? row.takes() : {}
  const description = complex.length === 0 ? {} : { description: `In a Parameters also: ${complex.join(', ')}.` }
  return { requestBody: { ...description, content: contentOf(types[body]) } }
}

const mimeTypes = (formats: readonly string[]): readonly string[] => formats.filter(format => format.includes('/'))

const contentOf = (types: readonly string[]): object =>
  Object.fromEntries(types.map(type => [type, { schema: { type: 'object' } }]))

const componentsOf = (
  { registry, formats }: Omit<Served, 'codeClasses'>,
  { descriptionOf }: OpenApiOptions,
): object => {
  const general = registry.searchParametersOf('Basic').filter(({ code }) => isCommon(code))
  return {
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: server.security } },
    responses: {
      answer: {
        description:
          'A resource, a Bundle or an OperationOutcome; ETag and Last-Modified where it is one version of a resource.',
        content: contentOf(mimeTypes(formats)),
      },
    },
    parameters: {
      type: inPath('type', 'The resource type.', { enum: registry.resourceTypes }),
      compartment: inPath('compartment', 'What the compartment is of.', { enum: compartments }),
      id: inPath('id', 'The id of the resource.', { pattern: '^[A-Za-z0-9.-]{1,64}$' }),
      versionId: inPath('versionId', 'The id of the version.', { pattern: '^[A-Za-z0-9.-]{1,64}$' }),
      ...Object.fromEntries(
        general.map(one => [one.code, queryParameter(one.code, textOf(one, descriptionOf(one, 'Basic')))]),
      ),
      ...Object.fromEntries(
        Object.entries({ ...commonText, ...historyText }).map(([name, text]) => [name, queryParameter(name, text)]),
      ),
    },
  }
}

const inPath = (name: string, description: string, schema: object): object => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', ...schema },
})
