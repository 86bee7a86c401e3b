import type { FastifyInstance } from 'fastify'
import { FhirError } from '../fhir/error.ts'

/**
 * Refuses a request whose head two readers could understand differently: proxies, which decide by it to whom a request goes, and this server.
 * Lengths that contradict each other are refused while they are read.
 */
export const refuseAmbiguousHeads = (server: FastifyInstance): void => {
  server.addHook('onRequest', ({ raw: { rawHeaders } }, _reply, done) => {
    const [host = '', ...others] = valuesOf(rawHeaders, 'host')
    const codings = valuesOf(rawHeaders, 'transfer-encoding')
    if (others.length > 0) return done(new FhirError('structure', 'There is more than one Host header'))
    if (!hostForm.test(host)) return done(new FhirError('structure', 'The Host header is not the name of a host'))
    if (codings.some(coding => coding.toLowerCase() !== 'chunked')) return done(unknownCoding)
    done()
  })
}

const valuesOf = (rawHeaders: readonly string[], name: string): readonly string[] =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)

/**
 * "A server MUST respond with a 400 to […] any request message that contains more than one Host header field line or a Host header field with an
 * invalid field value": https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
const hostForm = /^(?:\[[\w:.~%!$&'()*+,;=-]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i

/** "A server that receives a request message with a transfer coding it does not understand SHOULD respond with 501". */
const unknownCoding = new FhirError('not-supported', 'The Transfer-Encoding is not taken here; send chunked or none', {
  status: 501,
})
