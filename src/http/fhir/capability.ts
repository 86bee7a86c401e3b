import type { FastifyInstance } from 'fastify'
import { toSmartConfiguration } from '../../capability/smart-configuration.ts'
import { type Served, toCapabilityStatement } from '../../capability/statement.ts'
import { interactions } from '../../interactions/interactions.ts'
import { operations } from '../../operations/operations.ts'
import { refuseOtherMethods } from '../other-methods.ts'
import { type Presentation, servedFormats } from './media-type.ts'
import { refuseLines, requirePresentation } from './presentation.ts'
import { contentTypeOf, resourceText } from './resource-text.ts'

export type CapabilityOptions = Omit<Served, 'interactions' | 'operations' | 'formats'> & {
  readonly base: () => string
  readonly address: () => string
  readonly isRegistrationOpen: boolean
}

/** What anyone may ask without a token. https://hl7.org/fhir/R4/http.html#capabilities */
export const capabilityRoutes = async (server: FastifyInstance, { base, ...options }: CapabilityOptions) => {
  const { address, isRegistrationOpen, ...served } = options
  const date = new Date().toISOString()
  const text = once(() =>
    JSON.stringify(
      toCapabilityStatement(
        { ...served, interactions, operations, formats: servedFormats },
        { base: base(), date, smart: { address: address(), isRegistrationOpen } },
      ),
    ),
  )
  const textIn = keptTexts(presentation => resourceText(text(), presentation, server.xml))
  for (const end of ['', '/']) {
    server.get(`/metadata${end}`, async (request, reply) => {
      requirePresentation(request)
      refuseLines(request)
      const { presentation } = request
      return reply.type(contentTypeOf(presentation)).send(textIn(presentation))
    })
    refuseOtherMethods(server, `/metadata${end}`, ['GET'])
    // "The server SHALL respond with application/json, regardless of the Accept header".
    server.get(`/.well-known/smart-configuration${end}`, async (_request, reply) =>
      reply.type('application/json').send(toSmartConfiguration({ address: address(), isRegistrationOpen })),
    )
    refuseOtherMethods(server, `/.well-known/smart-configuration${end}`, ['GET'])
  }
}

const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Whoever asks pays nothing: made anew for each, a few requests a second for XML would leave nobody else any time. */
const keptTexts = (make: (presentation: Presentation) => string): ((presentation: Presentation) => string) => {
  const made = new Map<string, string>()
  return presentation => {
    const key = `${presentation.format} ${presentation.pretty}`
    const text = made.get(key) ?? make(presentation)
    made.set(key, text)
    return text
  }
}
