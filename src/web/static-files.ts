import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { tellFileErrors } from '../http/file-errors.ts'

/** Styles and modules of the pages, as they are in the folder; Bootstrap, which gives them their look; and what draws charts. */
export const staticFiles = async (server: FastifyInstance): Promise<void> => {
  tellFileErrors(server)
  await server.register(fastifyStatic, {
    root: join(import.meta.dirname, 'static'),
    prefix: '/static/',
    index: false,
    maxAge: '5m',
  })
  // Browsers look for it here if they show something that is no page of ours, such as JSON.
  server.get('/favicon.ico', async (_request, reply) => reply.sendFile('icon.svg'))
  await server.register(fastifyStatic, {
    root: dirname(fileURLToPath(import.meta.resolve('bootstrap/dist/css/bootstrap.min.css'))),
    prefix: '/static/bootstrap/',
    index: false,
    maxAge: '1d',
    decorateReply: false,
    allowedPath: path => path === '/bootstrap.min.css' || path === '/bootstrap.rtl.min.css',
  })
  await server.register(fastifyStatic, {
    root: dirname(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.iife.min.js'))),
    prefix: '/static/uplot/',
    index: false,
    maxAge: '5m',
    decorateReply: false,
    allowedPath: path => path === '/uPlot.iife.min.js' || path === '/uPlot.min.css',
  })
}
