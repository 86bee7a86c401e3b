import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { toOpenApi } from '../../capability/openapi.ts'
import type { Served } from '../../capability/statement.ts'
import { readParameterTexts } from '../../fhir/definition/search-parameter-text.ts'
import { once } from '../../fhir/once.ts'
import { interactions } from '../../interactions/interactions.ts'
import { operations } from '../../operations/operations.ts'
import { tellFileErrors } from '../file-errors.ts'
import { refuseOtherMethods } from '../other-methods.ts'
import { browsePage, browseTheme } from './browse/browse-page.ts'
import { servedFormats } from './media-type.ts'

export type OpenApiOptions = Pick<Served, 'registry' | 'version'> & { readonly base: () => string }

/** The OpenAPI document, and pages to browse it. Public, like the CapabilityStatement, and all from this origin. */
export const openApiRoutes = async (server: FastifyInstance, { base, registry, version }: OpenApiOptions) => {
  // Most servers never get a request for it.
  const documentBytes = once(() =>
    Buffer.from(
      JSON.stringify(
        toOpenApi(
          { registry, version, interactions, operations, formats: servedFormats },
          { base: base(), descriptionOf: readParameterTexts(registry) },
        ),
      ),
    ),
  )
  server.get('/openapi.json', async (_request, reply) => reply.type('application/json').send(documentBytes()))
  refuseOtherMethods(server, '/openapi.json', ['GET'])
  tellFileErrors(server)
  await server.register(fastifySwagger, { mode: 'static', specification: { document: { openapi: '3.0.3' } as never } })
  await server.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    theme: browseTheme,
    uiConfig: {
      layout: 'BaseLayout',
      docExpansion: 'none',
      filter: true,
      tryItOutEnabled: false,
      defaultModelsExpandDepth: -1,
    },
    uiHooks: {
      // The library would write the document again for each request, as YAML for most of a second. JSON is YAML as well.
      onRequest: (request, reply, done) => {
        const { url = '' } = request.routeOptions
        const type = documentTypes[url]
        if (type !== undefined) reply.type(type).send(documentBytes())
        else if (url === '/docs' || url === '/docs/') reply.type('text/html; charset=utf-8').send(browsePage())
        else done()
      },
    },
  })
}

const documentTypes: Readonly<Record<string, string>> = {
  '/docs/json': 'application/json',
  '/docs/yaml': 'application/x-yaml',
}

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
