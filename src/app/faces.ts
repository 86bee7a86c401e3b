import type { FastifyInstance } from 'fastify'
import { r5Routes } from '../faces/r5/routes.ts'
import type { FhirOptions } from '../http/fhir.ts'

type FaceOptions = {
  readonly fhir: FhirOptions
  /** Of the server, without a slash at the end. */
  readonly address: () => string
  readonly version: string
  readonly isRegistrationOpen: boolean
}

/** Other contracts over the same interactions and the same rows. */
export const faceRoutes = async (server: FastifyInstance, { fhir, ...served }: FaceOptions): Promise<void> => {
  await server.register(r5Routes, { ...fhir, ...served })
}
