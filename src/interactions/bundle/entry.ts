import { STATUS_CODES } from 'node:http'
import type { BundleEntryResponse } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { fullUrlFault } from '../../fhir/full-url.ts'
import { isObject, parseJson } from '../../fhir/json.ts'
import { toOperationOutcome } from '../../fhir/operation-outcome.ts'
import { sentQuery } from '../../search/sent-query.ts'
import type {
  Body,
  Context,
  FhirRequest,
  FhirResponse,
  Handler,
  Interaction,
  RequestHeaders,
  Routed,
} from '../interaction.ts'
import { findRoute } from '../route.ts'
import { bundleEntry } from './bundle-text.ts'

/** An entry of a batch or a transaction. https://hl7.org/fhir/R4/bundle.html#bundle-request */
export type Entry = Routed & { readonly fullUrl?: string }

/** The entries of a Bundle that was sent as a body, whatever they are. */
export const entriesOf = (body: unknown): readonly unknown[] => {
  if (!isObject(body) || body.resourceType !== 'Bundle') {
    throw new FhirError('structure', 'The base takes a Bundle', { expression: 'resourceType' })
  }
  const { entry = [] } = body
  if (!Array.isArray(entry)) throw new FhirError('structure', 'Bundle.entry is a list', { expression: 'Bundle.entry' })
  if (entry.length > mostEntries)
    throw new FhirError(
      'too-costly',
      `A Bundle has at most ${mostEntries} entries, not ${entry.length}: send it in parts`,
      {
        expression: 'Bundle.entry',
        status: 400,
      },
    )
  return entry
}

/** Each gets an answer, however short it is itself, and a body of 32 MB has room for millions of invalid entries. */
export const mostEntries = 50_000

/** Throws FhirError that says what is wrong with the entry. */
export const parseEntry = (
  entry: unknown,
  prefer: RequestHeaders['prefer'],
  { interactions, registry, base }: Pick<Context, 'interactions' | 'registry' | 'base'>,
): Entry => {
  if (!isObject(entry)) throw new FhirError('structure', 'An entry is an object')
  const { fullUrl, resource, request } = entry
  if (!isObject(request))
    throw new FhirError('required', 'An entry has a request, with its method and url', {
      status: 400,
      expression: 'request',
    })
  const method = textOf(request, 'method')
  const [path = '', ...query] = relative(urlOf(request, base), base).split('?')
  const { interaction, named } = findRoute(interactions, registry, { method: method === 'HEAD' ? 'GET' : method, path })
  if ((interaction.path === '' && interaction.method === 'POST') || interaction.body === 'form') {
    throw new FhirError('not-supported', `A Bundle cannot carry a ${interaction.name} by ${method}`, { status: 400 })
  }
  return {
    interaction: method === 'HEAD' ? withoutBody(interaction) : interaction,
    request: {
      ...named,
      query: sentQuery(query.join('?')),
      headers: { prefer, ...conditionsOf(request) },
      ...(interaction.body === 'none' ? {} : { body: interaction.body === 'patch' ? patchIn(resource) : resource }),
    } as FhirRequest,
    ...(typeof fullUrl === 'string' ? { fullUrl: parseFullUrl(fullUrl) } : {}),
  }
}

const parseFullUrl = (fullUrl: string): string => {
  const message =
    fullUrl.length > longestUrl
      ? `A fullUrl has at most ${longestUrl} characters, not ${fullUrl.length}`
      : fullUrlFault(fullUrl)
  if (message === undefined) return fullUrl
  throw new FhirError('invalid', message, { expression: 'fullUrl' })
}

/** Each relative reference of the resource is also looked up below the base of its fullUrl, so that a long one would be copied for each. */
export const longestUrl = 2048

/** "The HEAD method is identical to GET except that the server MUST NOT send content": https://www.rfc-editor.org/rfc/rfc9110#name-head */
const withoutBody = (interaction: Interaction): Interaction => {
  const { handler } = interaction as Interaction & { readonly handler: Handler }
  const answered: Handler = async (request, context) => {
    const { body: _, ...answer } = await handler(request, context)
    return answer
  }
  return { ...interaction, handler: answered } as Interaction
}

/** The entry of the answer, as text: https://hl7.org/fhir/R4/bundle.html#bundle-response */
export const entryText = ({ status, location, etag, lastModified, body, issues = [] }: FhirResponse): string => {
  const [first, ...others] = issues
  const said = first === undefined ? undefined : toOperationOutcome([first, ...others])
  return bundleEntry(undefined, body && textOfBody(body), {
    response: {
      status: statusLine(status),
      location,
      etag,
      lastModified: lastModified?.toISOString(),
      outcome: body?.kind === 'outcome' ? body.outcome : said,
    } satisfies Optional<BundleEntryResponse>,
  })
}

type Optional<T> = { [Key in keyof T]: T[Key] | undefined }

/** "The status SHALL start with a 3 digit HTTP code": with its phrase, as in FHIR's own examples. */
export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status]}`

const textOfBody = (body: Body): string | undefined => {
  if (body.kind === 'outcome') return undefined
  if (body.kind === 'lines') throw new Error('an entry of a Bundle has no lines')
  return body.kind === 'text' ? body.text : [...body.chunks].join('')
}

/** An entry's url is relative to the base; an absolute URL of this server means the same. */
const relative = (url: string, base: string): string =>
  (url.startsWith(`${base}/`) ? url.slice(base.length) : url).replace(/^\//, '')

const urlOf = (request: Record<string, unknown>, base: string): string => {
  const url = textOf(request, 'url')
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith(`${base}/`)) return url
  throw new FhirError('invalid', `An entry's url is relative to ${base}, or begins with it, not ${url}`, {
    expression: 'request.url',
  })
}

const textOf = (request: Record<string, unknown>, name: 'method' | 'url'): string => {
  const text = request[name]
  if (typeof text === 'string' && text !== '') return text
  throw new FhirError('required', `An entry's request has a ${name}`, { status: 400, expression: `request.${name}` })
}

const conditions = ['ifMatch', 'ifNoneExist', 'ifNoneMatch', 'ifModifiedSince'] as const

const conditionsOf = (request: Record<string, unknown>): Omit<RequestHeaders, 'prefer'> =>
  Object.fromEntries(conditions.flatMap(name => (typeof request[name] === 'string' ? [[name, request[name]]] : [])))

/** "The JSON Patch … the content is in a Binary": https://hl7.org/fhir/R4/http.html#patch. A FHIRPath Patch is in the entry as it is. */
const patchIn = (resource: unknown): unknown => {
  if (!isObject(resource) || resource.resourceType !== 'Binary') return resource
  const { contentType, data } = resource
  if (contentType !== 'application/json-patch+json' || typeof data !== 'string') {
    throw new FhirError(
      'not-supported',
      'A patch in a Binary has the contentType application/json-patch+json, and data',
      {
        status: 400,
        expression: 'Binary.contentType',
      },
    )
  }
  try {
    return parseJson(Buffer.from(data, 'base64').toString())
  } catch (cause) {
    throw new FhirError('structure', 'The patch is not JSON', { expression: 'Binary.data', cause })
  }
}
