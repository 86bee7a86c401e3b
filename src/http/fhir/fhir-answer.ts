import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Body, FhirResponse } from '../../interactions/interaction.ts'
import { whileLetIn } from '../caller/while-let-in.ts'
import { lines, type Presentation } from './media-type.ts'
import { bundlePieces, contentTypeOf, resourcePieces, resourceText } from './resource-text.ts'

/** Sends the answer of an interaction. https://hl7.org/fhir/R4/http.html */
export const sendAnswer = async (reply: FastifyReply, response: FhirResponse): Promise<FastifyReply> => {
  setHeaders(reply, response)
  const { body } = response
  if (body === undefined) return reply.send()
  if (body.kind === 'lines')
    return reply.type(lines.answer).send(Readable.from(whileLetIn(reply.request, body.lines), { objectMode: false }))
  return reply.type(contentTypeOf(reply.request.presentation)).send(await payloadOf(body, reply))
}

export const setHeaders = (reply: FastifyReply, { status, etag, lastModified, location, next }: FhirResponse): void => {
  reply.code(status)
  if (etag !== undefined) reply.header('etag', etag)
  if (lastModified !== undefined) reply.header('last-modified', lastModified.toUTCString())
  if (location !== undefined) reply.header('location', location)
  if (next !== undefined) reply.header('link', `<${next}>; rel="next"`)
}

const payloadOf = async (
  body: Exclude<Body, { kind: 'lines' }>,
  { request: { presentation }, server: { xml } }: FastifyReply,
): Promise<string | Buffer | Readable> => {
  switch (body.kind) {
    case 'text':
      return isPlain(presentation) ? body.text : streamed(resourcePieces(body.text, presentation, xml))
    case 'outcome':
      return resourceText(JSON.stringify(body.outcome), presentation, xml)
    case 'chunks':
      return streamed(bundlePieces(body.chunks, presentation, xml))
  }
}

const isPlain = ({ format, pretty }: Presentation): boolean => format === 'json' && !pretty

/** A long answer is sent piece by piece, and is never in memory as one text; a short one is encoded at once. */
const streamed = async (chunks: AsyncIterable<string>): Promise<Buffer | Readable> => {
  const iterator = chunks[Symbol.asyncIterator]()
  const [first, second] = [await iterator.next(), await iterator.next()]
  if (second.done) return Buffer.from(first.done ? '' : first.value)
  return Readable.from(
    (async function* () {
      yield first.value
      yield second.value
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    })(),
    { objectMode: false },
  )
}
