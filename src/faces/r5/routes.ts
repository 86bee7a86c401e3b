import type { FastifyInstance, FastifyRequest } from 'fastify'
import { toSmartConfiguration } from '../../capability/smart-configuration.ts'
import { FhirError } from '../../fhir/error.ts'
import { type Face, type FhirOptions, fhirRoutes } from '../../http/fhir/fhir.ts'
import { formats, presentationOf } from '../../http/fhir/media-type.ts'
import { plain, queryOf } from '../../http/fhir/presentation.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import { r5Interactions } from './interactions.ts'
import { presentBareR5, presentR5 } from './present.ts'
import { toR5Statement } from './statement.ts'

/** Where today's clients of the JupyterHealth Exchange expect it. */
const r5Path = '/FHIR/R5'

export type R5Options = Omit<FhirOptions, 'base' | 'face'> & {
  /** The address of the server, without a slash at the end. */
  readonly address: () => string
  readonly version: string
  readonly isRegistrationOpen: boolean
}

/** The part of FHIR R5 that today's clients use, on the same data. */
export const r5Routes = async (server: FastifyInstance, options: R5Options): Promise<void> => {
  const { address, registry, version, isRegistrationOpen } = options
  const date = new Date().toISOString()
  for (const { path, face } of faces) {
    const base = () => `${address()}${path}`
    const smart = () => ({ address: address(), isRegistrationOpen })
    for (const end of ['', '/']) {
      server.get(`${path}/metadata${end}`, async (_request, reply) =>
        reply.type(formats.json.answer).send(toR5Statement({ registry, version, base: base(), date, smart: smart() })),
      )
      server.get(`${path}/.well-known/smart-configuration${end}`, async (_request, reply) =>
        reply.type('application/json').send(toSmartConfiguration(smart())),
      )
      for (const at of ['metadata', '.well-known/smart-configuration'])
        refuseOtherMethods(server, `${path}/${at}${end}`, ['GET'])
    }
    await server.register(fhirRoutes, { prefix: path, ...options, base, face })
  }
}

/** Only JSON, in this version. https://hl7.org/fhir/R5/versioning.html#mt-version */
const requireR5 = (request: FastifyRequest, query = queryOf(request)): void => {
  request.presentation = plain
  const accept = request.headers.accept?.replaceAll(
    /fhirversion *= *"?([\d.]+)"?/gi,
    (_, version) => `fhirversion=${version === '5.0' ? '4.0' : 'other'}`,
  )
  if (presentationOf(accept, query, ['json']) !== undefined) return
  const words = `${query.get('_format') ?? request.headers.accept} is not served here; ask for ${formats.json.types[0]}`
  throw new FhirError('not-supported', words, { status: 406 })
}

const faceOf = (present: Face['present']): Face => ({
  interactions: r5Interactions,
  requirePresentation: requireR5,
  present,
})

/** Older clients write the path in small letters. */
const faces = [
  { path: r5Path, face: faceOf(presentR5) },
  { path: r5Path.toLowerCase(), face: faceOf(presentBareR5) },
]
