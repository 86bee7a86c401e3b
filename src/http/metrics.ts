import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import { bearerOf } from './caller/caller.ts'
import { refuseOtherMethods } from './other-methods.ts'

export type MetricsOptions = {
  /** The only token that reads them: no caller's token does. */
  readonly token: string
  readonly contentType: string
  readonly text: () => Promise<string>
}

/** `/metrics`, for Prometheus. */
export const metricsRoutes = async (
  server: FastifyInstance,
  { token, contentType, text }: MetricsOptions,
): Promise<void> => {
  const expected = digestOf(token)
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (timingSafeEqual(digestOf(bearerOf(request) ?? ''), expected)) return
    reply.header('www-authenticate', 'Bearer realm="metrics"')
    throw new FhirError('login', 'Metrics are read with the bearer token of METRICS_TOKEN, and no other')
  }
  server.get('/metrics', { onRequest }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(contentType)
      .send(await text()),
  )
  refuseOtherMethods(server, '/metrics', ['GET'])
}

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')
