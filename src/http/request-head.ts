import type { FastifyInstance } from 'fastify'
import { FhirError } from '../fhir/error.ts'

/**
 * Refuses a request whose head two readers could understand differently: proxies, which decide by it to whom a request goes, and this server.
 * Lengths that contradict each other are refused while they are read.
 */
export const refuseAmbiguousHeads = (server: FastifyInstance): void => {
  server.addHook('onRequest', ({ raw: { rawHeaders } }, _reply, done) => {
    const given = lookedAt(rawHeaders)
    const repeated = [...sentOnce].find(([name]) => (given.get(name) ?? []).length > 1)
    if (repeated !== undefined) return done(new FhirError('structure', `There is more than one ${repeated[1]} header`))
    if (!hostForm.test(given.get('host')?.[0] ?? ''))
      return done(new FhirError('structure', 'The Host header is not the name of a host'))
    const codings = given.get('transfer-encoding') ?? []
    if (codings.some(coding => coding.toLowerCase() !== 'chunked')) return done(unknownCoding)
    done()
  })
}

/** Of several, Node takes the first and leaves out the others, unlike other readers; of If-None-Exist it makes one with other criteria. */
const sentOnce: ReadonlyMap<string, string> = new Map([
  ['host', 'Host'],
  ['authorization', 'Authorization'],
  ['content-type', 'Content-Type'],
  ['if-none-exist', 'If-None-Exist'],
])

/** The values of those headers that matter here, by name. */
const lookedAt = (rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    if (!sentOnce.has(name) && name !== 'transfer-encoding') continue
    found.set(name, [...(found.get(name) ?? []), rawHeaders[index + 1] ?? ''])
  }
  return found
}

/**
 * "A server MUST respond with a 400 to […] any request message that contains more than one Host header field line or a Host header field with an
 * invalid field value": https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
const hostForm = /^(?:\[[\w:.~%!$&'()*+,;=-]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i

/** "A server that receives a request message with a transfer coding it does not understand SHOULD respond with 501". */
const unknownCoding = new FhirError('not-supported', 'The Transfer-Encoding is not taken here; send chunked or none', {
  status: 501,
})
