import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { Xml } from '../../fhir/xml/xml.ts'
import { formatNames, lines, notAcceptable, type Presentation, presentationOf } from './media-type.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly xml: Xml
  }
  interface FastifyRequest {
    /** JSON until the request has said otherwise, so that an error before that has a form. */
    presentation: Presentation
  }
}

/** Errors have the form that was requested, so it is determined first. A form that cannot be served is refused later. */
export const presentAnswers = (server: FastifyInstance, xml: Xml): void => {
  server.decorate('xml', xml)
  server.decorateRequest('presentation', null as unknown as Presentation)
  server.addHook('onRequest', (request, _reply, done) => {
    request.presentation = presentationOf(request.headers.accept, queryOf(request)) ?? plain
    done()
  })
}

/** Throws 406 if the client accepts nothing that can be served. The parameters may have come in a form. */
export const requirePresentation = (request: FastifyRequest, query = queryOf(request)): void => {
  const presentation = presentationOf(request.headers.accept, query)
  if (presentation === undefined) throw notAcceptable(request.headers.accept, query)
  request.presentation = presentation
}

/** Only the matches of a search can be answered as lines. For anything else the client may have named another form. */
export const refuseLines = (request: FastifyRequest): void => {
  if (!request.presentation.lines) return
  const other = presentationOf(request.headers.accept, queryOf(request), formatNames)
  if (other === undefined)
    throw new FhirError('not-supported', `Only searches answer as ${lines.types[0]}`, { status: 406 })
  request.presentation = other
}

export const queryOf = ({ url }: FastifyRequest): URLSearchParams =>
  new URLSearchParams(url.split('?').slice(1).join('?'))

export const plain: Presentation = { format: 'json', pretty: false, lines: false }
