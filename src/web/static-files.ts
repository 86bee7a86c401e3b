import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Styles and modules of the pages, as they lie in the folder. */
export const staticFiles = async (server: FastifyInstance): Promise<void> => {
  await server.register(fastifyStatic, {
    root: join(import.meta.dirname, 'static'),
    prefix: '/static/',
    index: false,
    maxAge: '5m',
  })
}
