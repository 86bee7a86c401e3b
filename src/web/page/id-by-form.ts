import type { FastifyRequest } from 'fastify'
import { v5 as uuidv5 } from 'uuid'
import { sessionOf } from './signed-in.ts'

/**
 * The id of what a form makes. If the same form is sent with the same content again, as by a double click without scripts, or by pressing again
 * because the answer takes long, it is the same; each form that is shown has a token of its own, and with it another id. Nobody can choose it.
 */
export const idByForm = (request: FastifyRequest): string =>
  uuidv5(JSON.stringify([sessionOf(request).person, request.url, request.body]), ofForms)

/** https://www.rfc-editor.org/rfc/rfc9562#section-5.5 */
const ofForms = '6f0f7d0e-3f0b-4c46-9d57-5f1c0c1b8a52'
