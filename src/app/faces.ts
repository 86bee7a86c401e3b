import type { FastifyInstance } from 'fastify'
import { apiPath, apiRoutes } from '../faces/api/api.ts'
import { sharingPartnerRoutes } from '../faces/cloud-storage/routes.ts'
import { dataPointRoutes } from '../faces/omh/routes.ts'
import { r5Routes } from '../faces/r5/routes.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { FhirOptions } from '../http/fhir/fhir.ts'

type FaceOptions = {
  readonly fhir: FhirOptions
  readonly codeClasses: CodeClasses
  /** Of the server, without a slash at the end. */
  readonly address: () => string
  readonly version: string
  readonly isRegistrationOpen: boolean
}

/** Other contracts over the same interactions and the same rows. */
export const faceRoutes = async (
  server: FastifyInstance,
  { fhir, codeClasses, ...served }: FaceOptions,
): Promise<void> => {
  await server.register(r5Routes, { ...fhir, ...served })
  await server.register(apiRoutes, { prefix: apiPath, ...fhir, codeClasses, address: served.address })
  await server.register(dataPointRoutes, { ...fhir, address: served.address })
  await server.register(sharingPartnerRoutes, { ...fhir, address: served.address })
}
