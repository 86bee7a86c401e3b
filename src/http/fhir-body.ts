import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'
import { formatNames, formats, formType, patchType } from './media-type.ts'

/** Bodies are FHIR's JSON or XML, or the parameters of a search as a form; anything else is 415. */
export const parseBodies = (server: FastifyInstance): void => {
  server.removeAllContentTypeParsers()
  const parsers = { json: parseText, xml: server.xml.parse }
  for (const name of formatNames) {
    server.addContentTypeParser(
      [...formats[name].types],
      { parseAs: 'string' },
      async (_request: FastifyRequest, text: string) => (text === '' ? undefined : parsers[name](text)),
    )
  }
  server.addContentTypeParser(patchType, { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
    text === '' ? undefined : parseText(text),
  )
  server.addContentTypeParser(
    formType,
    { parseAs: 'string', bodyLimit: mostFormBytes },
    async (_request: FastifyRequest, text: string) => new URLSearchParams(text),
  )
  server.addContentTypeParser('*', async (request: FastifyRequest) => {
    throw unsupported(request.headers['content-type'] ?? 'A body without a type')
  })
}

/** The parameters of one search: many times what anybody asks. */
export const mostFormBytes = 1_048_576

export const unsupported = (sent: string, taken = resourceTypesTaken): FhirError =>
  new FhirError('not-supported', `${sent} is not taken here; send ${taken}`, { status: 415 })

const resourceTypesTaken = formatNames.map(name => formats[name].types[0]).join(' or ')

/** The parser's own message would quote the body. */
export const parseText = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch (cause) {
    if (cause instanceof RangeError) throw new FhirError('structure', 'The body is nested too deep')
    const position = cause instanceof Error ? (/ at position \d+/.exec(cause.message)?.[0] ?? '') : ''
    throw new FhirError('structure', `The body is not JSON${position}`)
  }
}
