import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Body, FhirResponse } from '../interactions/interaction.ts'
import { lines } from './media-type.ts'
import { bundleText, contentTypeOf, resourceText } from './resource-text.ts'

/** https://hl7.org/fhir/R4/http.html: what an interaction answered, as HTTP. */
export const sendAnswer = (reply: FastifyReply, response: FhirResponse) => {
  setHeaders(reply, response)
  const { body } = response
  if (body === undefined) return reply.send()
  if (body.kind === 'lines') return reply.type(lines.answer).send(Readable.from(body.lines, { objectMode: false }))
  return reply.type(contentTypeOf(reply.request.presentation)).send(payloadOf(body, reply))
}

export const setHeaders = (reply: FastifyReply, { status, etag, lastModified, location, next }: FhirResponse): void => {
  reply.code(status)
  if (etag !== undefined) reply.header('etag', etag)
  if (lastModified !== undefined) reply.header('last-modified', lastModified.toUTCString())
  if (location !== undefined) reply.header('location', location)
  if (next !== undefined) reply.header('link', `<${next}>; rel="next"`)
}

const payloadOf = (
  body: Exclude<Body, { kind: 'lines' }>,
  { request: { presentation }, server: { xml } }: FastifyReply,
): string | Buffer | Readable => {
  switch (body.kind) {
    case 'text':
      return resourceText(body.text, presentation, xml)
    case 'outcome':
      return resourceText(JSON.stringify(body.outcome), presentation, xml)
    case 'chunks':
      return streamed(bundleText(body.chunks, presentation, xml))
  }
}

/** A long page goes out piece by piece, and never stands in memory as one text; a short one is encoded once. */
const streamed = (chunks: Iterable<string>): Buffer | Readable => {
  const iterator = chunks[Symbol.iterator]()
  const [first, second] = [iterator.next(), iterator.next()]
  if (second.done) return Buffer.from(first.done ? '' : first.value)
  return Readable.from(
    (function* () {
      yield first.value
      yield second.value
      for (let next = iterator.next(); !next.done; next = iterator.next()) yield next.value
    })(),
    { objectMode: false },
  )
}
