/** Content of any type, unchanged. https://hl7.org/fhir/R4/binary.html#rest */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isObject } from '../../fhir/json.ts'
import type { FhirResponse, Interaction } from '../../interactions/interaction.ts'
import { segmentsOf } from '../../interactions/route.ts'
import { sendAnswer, setHeaders } from './fhir-answer.ts'
import { parsersOf, textIn } from './fhir-body.ts'
import { formats, notAcceptable, wantsContent } from './media-type.ts'
import { queryOf, refuseLines, requirePresentation } from './presentation.ts'

/** Routes that accept bodies of any type. */
export const binaryWrites = [
  { method: 'POST', path: '/Binary' },
  { method: 'PUT', path: '/Binary/:id' },
] as const

/** For a Binary, whether its answer is acceptable is only known once its own type is. */
export const mayBeContent = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
  method === 'GET' && /^Binary\/[^/]+(?:\/_history\/[^/]+)?$/.test(segmentsOf(path).join('/'))

export const isBinaryRead = ({ name }: Interaction, type: string | undefined): boolean =>
  type === 'Binary' && (name === 'read' || name === 'vread')

/** Such a body has any type, and is never a patch, whatever its type is called. */
export const isBinaryWrite = ({ name }: Interaction, type: string | undefined): boolean =>
  type === 'Binary' && (name === 'create' || name === 'update')

/**
 * "When a read request is made for the binary resource that doesn't explicitly specify the FHIR content types […] then the
 * content should be returned using the content type stated in the resource."
 */
export const sendBinary = async (reply: FastifyReply, response: FhirResponse): Promise<FastifyReply> => {
  const { request } = reply
  if (response.body?.kind !== 'text') return sendAnswer(reply, response)
  const { contentType, data = '', securityContext, id }: Binary = JSON.parse(response.body.text)
  const isRaw = asksForContent(request, contentType)
  if (isRaw === undefined) throw notAcceptable(request.headers.accept, queryOf(request), contentType)
  if (!isRaw) {
    requirePresentation(request)
    refuseLines(request)
    return sendAnswer(reply, response)
  }
  setHeaders(reply, response)
  if (securityContext?.reference !== undefined) reply.header('x-security-context', encodeURI(securityContext.reference))
  reply.headers({ ...harmless, 'content-disposition': `attachment; filename="${id}"` })
  reply.header('content-type', headerText.test(contentType) ? contentType : 'application/octet-stream')
  return reply.send(Buffer.from(data, 'base64'))
}

/** Undefined if neither the content nor the resource around it is acceptable. */
export const asksForContent = (request: FastifyRequest, contentType: string): boolean | undefined =>
  queryOf(request).has('_format') ? false : wantsContent(request.headers.accept, contentType)

type Binary = {
  readonly id: string
  readonly contentType: string
  readonly data?: string
  readonly securityContext?: { readonly reference?: string }
}

/** Whatever somebody has stored, a browser only saves it: it does not show, run or guess it. */
const harmless = {
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
} as const

const headerText = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w.+-]+=(?:[\w.+-]+|"[\w .+-]*"))*$/

/** Bodies of FHIR's own types are a Binary; those of JSON's or XML's types if they say so. All others are its content. */
export const parseContent = (scope: FastifyInstance): void => {
  const parsers = parsersOf(scope)
  scope.removeAllContentTypeParsers()
  for (const name of ['json', 'xml'] as const) {
    const [fhirType, ...otherTypes] = formats[name].types
    scope.addContentTypeParser(fhirType, { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
      parsers[name](textIn(request, bytes)),
    )
    scope.addContentTypeParser(
      otherTypes,
      { parseAs: 'buffer' },
      async (request: FastifyRequest, bytes: Buffer) =>
        (await asBinary(bytes, parsers[name])) ?? toBinary(request, bytes),
    )
  }
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
    toBinary(request, bytes),
  )
}

const asBinary = async (bytes: Buffer, parse: (text: string) => Promise<unknown>): Promise<unknown> => {
  try {
    const parsed = await parse(bytes.toString('utf8'))
    return isObject(parsed) && parsed.resourceType === 'Binary' ? parsed : undefined
  } catch {
    return undefined
  }
}

const toBinary = ({ headers, params }: FastifyRequest, bytes: Buffer): object => {
  const { 'x-security-context': context, 'content-type': contentType = 'application/octet-stream' } = headers
  const { id } = params as { readonly id?: string }
  return {
    resourceType: 'Binary',
    ...(id === undefined ? {} : { id }),
    contentType: contentType.trim().replace(/\s+/g, ' '),
    ...(typeof context === 'string' ? { securityContext: { reference: context } } : {}),
    ...(bytes.length === 0 ? {} : { data: bytes.toString('base64') }),
  }
}
