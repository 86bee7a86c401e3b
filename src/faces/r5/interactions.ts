import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type {
  Context,
  FhirRequest,
  Handler,
  Interaction,
  Prepared,
  TypeRequest,
} from '../../interactions/interaction.ts'
import { interactions } from '../../interactions/interactions.ts'
import { cursorName } from '../../search/result-parameter.ts'
import { byPatients } from './by-patients.ts'
import { observationFromR5 } from './from-r5.ts'
import { withDocuments } from './with-documents.ts'
import { withinStudy } from './within-study.ts'

/** Which of our types are served as R5, and with which interactions. */
export const served: ReadonlyMap<ResourceType, readonly Interaction['name'][]> = new Map<
  ResourceType,
  readonly Interaction['name'][]
>([
  ['Observation', ['read', 'vread', 'search-type', 'create']],
  ['Patient', ['read', 'vread', 'search-type']],
  ['Group', ['read', 'vread', 'search-type']],
  ['Device', ['read', 'vread', 'search-type']],
  ['Organization', ['read', 'vread', 'search-type']],
  ['Practitioner', ['read', 'vread', 'search-type']],
])

const paths: ReadonlySet<string> = new Set([
  ...['', ':type', ':type/_search', ':type/:id', ':type/:id/_history/:versionId'],
])
const names: ReadonlySet<string> = new Set(['batch', 'transaction', ...[...served.values()].flat()])

/** Those rows of our own table that answer here, for these types only. What they pass on is a request as in R4. */
export const r5Interactions: readonly Interaction[] = interactions
  .filter(({ name, path, decide }) => names.has(name) && paths.has(path) && decide === undefined)
  .map(one => {
    const { handler, prepare } = one as Interaction & Carried
    const translated: Carried = {
      handler: (request, context) => {
        const asked = asR4(one, request)
        return isOfObservations(one, asked)
          ? withinStudy(withDocuments(handler))(asked, context)
          : handler(asked, context)
      },
      ...(prepare && { prepare: (request, context, id) => prepare(asR4(one, request), context, id) }),
    }
    return { ...one, ...translated } as Interaction
  })

/** What a row finds in its request depends on its path, which is the same here. */
type Carried = {
  readonly handler: Handler
  readonly prepare?: (request: FhirRequest, context: Context, id?: string) => Prepared | Promise<Prepared>
}

const isOfObservations = ({ name }: Interaction, request: FhirRequest): request is TypeRequest =>
  name === 'search-type' && 'type' in request && request.type === 'Observation'

const asR4 = (interaction: Interaction, request: FhirRequest): FhirRequest => {
  if (!('type' in request)) return request
  const { type } = request
  requireServed(interaction, type)
  if (interaction.name === 'create' && 'body' in request) return { ...request, body: observationFromR5(request.body) }
  if (interaction.name !== 'search-type') return request
  return { ...request, query: counted(byPatients(type, withoutDefaults(request))) }
}

/** Pages have no numbers here, but the first can be asked for by its number. Of the Exchange's stores, this server has its own. */
const withoutDefaults = ({ query: asked, headers }: FhirRequest): URLSearchParams => {
  const query = new URLSearchParams([...asked].filter(([name, value]) => defaults[name] !== value))
  const page = query.get('_page')
  if (page === null || headers.prefer.handling === 'lenient') return query
  const words = `_page is 1 here, not ${JSON.stringify(page)}: the link next of each page leads to what follows`
  throw new FhirError('invalid', words, { expression: '_page' })
}

const defaults: Readonly<Record<string, string>> = { _page: '1', _source: 'https://jupyterhealth.org/jhe' }

const requireServed = ({ name }: Interaction, type: ResourceType): void => {
  const here = served.get(type)
  if (here?.includes(name)) return
  const words = `${type} is not served as R5; it is at /fhir, as R4. Here are ${[...served.keys()].join(', ')}`
  if (here === undefined) throw new FhirError('not-found', words)
  throw new FhirError('not-supported', `${type} has ${here.join(', ')} here, not ${name}; more is at /fhir, as R4`)
}

/** Every page has a total, which is exact if that can be counted quickly. */
const counted = (query: URLSearchParams): URLSearchParams =>
  ['_total', '_summary', cursorName].some(name => query.has(name))
    ? query
    : new URLSearchParams([...query, ['_total', 'estimate']])
