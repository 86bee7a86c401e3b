import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

export type PageRoute = { readonly method: 'GET' | 'POST'; readonly path: string }

/**
 * The routes of the pages that are added to servers from now on: call it before a server is made.
 * https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks
 */
export const gatherPageRoutes = (): readonly PageRoute[] => {
  const routes: PageRoute[] = []
  subscribe('fastify.initialization', message => {
    const { fastify } = message as { readonly fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ url: path, method: methods }) => {
      if (isForPrograms.test(path) || isFile.test(path)) return
      for (const method of ['GET', 'POST'] as const)
        if ([methods].flat().includes(method) && !routes.some(one => one.method === method && one.path === path))
          routes.push({ method, path })
    })
  })
  return routes
}

const isForPrograms =
  /^\/(fhir|FHIR\/R5|oauth|api\/v1|omh\/v1)(\/|$)|^\/(healthz|readyz|metrics|openapi\.json|ws)$|\/(metadata\/?|jwks\.json)$|^\/\.well-known\//
const isFile = /^\/(docs|static|smart-style|favicon\.ico)(\/|$)/
