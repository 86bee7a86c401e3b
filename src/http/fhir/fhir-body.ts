import { isAscii, isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { type ReadJson, readJson } from '../../fhir/json-pieces.ts'
import { nestedTooDeep } from '../../fhir/nesting.ts'
import { type Format, formatNames, formats, formType, patchType } from './media-type.ts'

/** Bodies are FHIR's JSON or XML, or the parameters of a search as a form; anything else is 415. */
export const parseBodies = (server: FastifyInstance): void => {
  server.removeAllContentTypeParsers()
  const parsers = parsersOf(server)
  for (const name of formatNames) {
    server.addContentTypeParser(
      [...formats[name].types],
      { parseAs: 'buffer' },
      async (request: FastifyRequest, bytes: Buffer) =>
        bytes.length === 0 ? undefined : parsers[name](textIn(request, bytes)),
    )
  }
  server.addContentTypeParser(patchType, { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
    jsonIn(request, bytes),
  )
  server.addContentTypeParser(
    formType,
    { parseAs: 'buffer', bodyLimit: mostFormBytes },
    async (request: FastifyRequest, bytes: Buffer) => new URLSearchParams(textIn(request, bytes)),
  )
  server.addContentTypeParser('*', async (request: FastifyRequest) => {
    throw unsupported(request.headers['content-type'] ?? 'A body without a type', typesTakenBy(request))
  })
}

const typesTakenBy = ({ method, url }: FastifyRequest): string => {
  if (/\/_search\/?(\?|$)/.test(url)) return formType
  return method === 'PATCH' ? `${patchType}, ${resourceTypesTaken}` : resourceTypesTaken
}

/** "The 415 response to a PATCH request … SHOULD include an Accept-Patch response header field": https://www.rfc-editor.org/rfc/rfc5789#section-2.2 */
export const namePatches = (server: FastifyInstance): void => {
  server.addHook('onSend', async (request, reply) => {
    if (reply.statusCode === 415 && request.method === 'PATCH') reply.header('accept-patch', patches)
  })
}

const patches = [patchType, ...formatNames.map(name => formats[name].types[0])].join(', ')

/** Of either format, from its text. */
export const parsersOf = (server: FastifyInstance): Readonly<Record<Format, (text: string) => Promise<unknown>>> => ({
  json: text => parseText(server, text),
  xml: async text => server.xml.parse(text),
})

/**
 * "FHIR uses UTF-8 for all request and response bodies": https://hl7.org/fhir/R4/http.html#mime-type. What is not would be
 * stored with other letters than were sent. Some platforms begin UTF-8 with a byte order mark, which is none of the text.
 */
export const textIn = ({ headers }: FastifyRequest, bytes: Buffer): string => {
  const charset = /;\s*charset\s*=\s*["']?([^\s;"']+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  const isSame = /^utf-?8$/i.test(charset) || (isAscii(bytes) && isLikeAscii(charset))
  if (!isSame) throw unsupported(`Text in ${charset}`, 'UTF-8')
  if (!isUtf8(bytes)) throw new FhirError('structure', 'The body is not UTF-8')
  const text = bytes.toString('utf8')
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Whether the letters of ASCII are the same bytes in it; by whatever of its names, https://encoding.spec.whatwg.org/#names-and-labels. */
const isLikeAscii = (charset: string): boolean => {
  try {
    return new TextDecoder(charset).decode(Buffer.from('{}')) === '{}'
  } catch {
    return false
  }
}

/** Undefined where the body is empty, as clients send it that set a type for all that they post. */
export const jsonIn = async (request: FastifyRequest, bytes: Buffer): Promise<unknown> =>
  bytes.length === 0 ? undefined : parseText(request.server, textIn(request, bytes))

/** The parameters of one search: many times what anybody asks. */
export const mostFormBytes = 1_048_576

export const unsupported = (sent: string, taken = resourceTypesTaken): FhirError =>
  new FhirError('not-supported', `${sent} is not taken here; send ${taken}`, { status: 415 })

const resourceTypesTaken = formatNames.map(name => formats[name].types[0]).join(' or ')

const parseText = async (server: FastifyInstance, text: string): Promise<unknown> => {
  const { value, twice } = await parse(text, mostValuesIn(server.initialConfig.bodyLimit))
  if (twice === undefined) return value
  const { resourceType } = (value ?? {}) as { readonly resourceType?: unknown }
  const expression = typeof resourceType === 'string' ? `${resourceType}.${twice}` : twice
  throw new FhirError('structure', 'A property stands twice; each stands once in its object', { expression })
}

/**
 * How many values a body of JSON may have. What anybody writes has more than eight characters for each; shorter ones, such as empty lists, take many
 * times the memory of the body.
 */
export const mostValuesIn = (bodyLimit = 0): number => Math.ceil(bodyLimit / 8)

/** The parser's own message would quote the body. */
const parse = async (text: string, mostValues: number): Promise<ReadJson> => {
  try {
    return await readJson(text, { mostValues })
  } catch (cause) {
    if (cause instanceof FhirError) throw cause
    if (cause instanceof RangeError) throw nestedTooDeep()
    const position = cause instanceof Error ? (/ at position \d+/.exec(cause.message)?.[0] ?? '') : ''
    throw new FhirError('structure', `The body is not JSON${position}`)
  }
}
