import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError, type IssueCode } from '../fhir/error.ts'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import { challenge } from './caller/caller.ts'
import { codings } from './content-coding.ts'
import { formType } from './fhir/media-type.ts'
import { plain } from './fhir/presentation.ts'
import { contentTypeOf, resourceText } from './fhir/resource-text.ts'

/** The one place where an error becomes an answer: always an OperationOutcome, never a page, a stack or a detail of a fault. */
export const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  sendOutcome(reply, toldError(error, request))

/** What clients may be told of an error. A fault is logged, and they are told only that it happened. The cause of a 503 is logged as well. */
export const toldError = (error: unknown, request: FastifyRequest): FhirError => {
  if (isBrokenOff(error, request)) return brokenOff
  const known = toFhirError(error, request)
  if (known === undefined) {
    request.log.error({ err: error }, 'Internal error')
    return internalError
  }
  if (known.status >= 500 && known.cause !== undefined)
    request.log[known.status === 503 ? 'warn' : 'error']({ err: known }, known.message)
  return known
}

/** The client disconnected while it sent the request or was answered, as phones do: nobody reads the answer, and nothing is wrong here. */
const isBrokenOff = (error: unknown, { raw }: FastifyRequest): boolean => {
  if (!(error instanceof Error && 'code' in error)) return false
  if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return raw.socket.destroyed
  return error.code === 'ECONNRESET' && raw.destroyed && !raw.complete
}

export const brokenOff = new FhirError('structure', 'The request broke off before its end')

const sendOutcome = (reply: FastifyReply, error: FhirError): FastifyReply => {
  const presentation = reply.request.presentation ?? plain
  const text = resourceText(outcomeText(error), presentation, reply.server.xml)
  // "the resource server MUST include the HTTP WWW-Authenticate response header field": https://www.rfc-editor.org/rfc/rfc6750#section-3
  if (error.scope !== undefined)
    reply.header('www-authenticate', `${challenge}, error="insufficient_scope", scope="${error.scope}"`)
  return sayWhen(reply, error).code(error.status).type(contentTypeOf(presentation)).send(text)
}

/** If the same request may succeed a moment later: when to send it again. */
export const sayWhen = (reply: FastifyReply, error: FhirError): FastifyReply =>
  comeAgain.has(error.issues[0].code) && !reply.hasHeader('retry-after')
    ? reply.header('retry-after', String(retrySeconds))
    : reply

const comeAgain: ReadonlySet<IssueCode> = new Set(['throttled', 'transient'])
const retrySeconds = 2

export const outcomeText = ({ issues }: FhirError): string => JSON.stringify(toOperationOutcome(issues))

/** Undefined for a fault, which is anything that was not thrown on purpose. */
const toFhirError = (error: unknown, { headers }: FastifyRequest): FhirError | undefined => {
  if (error instanceof FhirError) return error
  if (!isHttpError(error)) return undefined
  const isForm = headers['content-type']?.startsWith(formType) === true
  const [issue, message = error.message] = (isForm ? codesOfForms[error.code] : undefined) ??
    codes[error.code] ?? ['processing']
  return new FhirError(issue, message, { status: error.statusCode, cause: error })
}

/** Errors of the HTTP layer itself about a request have a code and a status of their own. */
const isHttpError = (error: unknown): error is FastifyError & { readonly statusCode: number } =>
  error instanceof Error &&
  'code' in error &&
  String(error.code).startsWith('FST_') &&
  'statusCode' in error &&
  Number(error.statusCode) >= 400 &&
  Number(error.statusCode) < 500

/** Those whose own words would not help, or do not fit FHIR. */
const codes: Readonly<Record<string, readonly [IssueCode, string?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-long', 'The body is larger than this server takes: send it in parts'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['not-supported', 'The Content-Type is not taken here; send application/fhir+json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['structure', 'The body is not as long as its Content-Length says'],
  FST_ERR_BAD_URL: ['invalid', 'The URL is not well-formed'],
  FST_ERR_MAX_PARAM_LENGTH: ['too-long', 'A part of the path is longer than anything that is found there'],
  FST_CP_ERR_INVALID_CONTENT: ['structure', 'The body is not compressed as its Content-Encoding says'],
  FST_CP_ERR_INVALID_CONTENT_ENCODING: [
    'not-supported',
    `The Content-Encoding is not taken here; send ${codings.join(', ')} or none`,
  ],
}

const codesOfForms: typeof codes = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'too-long',
    'The form is larger than this server takes, and cannot be sent in parts: ask with fewer values at once',
  ],
}

const internalError = new FhirError('exception', 'Internal error')
