import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { toSmartConfiguration } from '../../capability/smart-configuration.ts'
import { type Served, toCapabilityStatement } from '../../capability/statement.ts'
import { once } from '../../fhir/once.ts'
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

/** What anybody may ask without a token. https://hl7.org/fhir/R4/http.html#capabilities */
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
      const kept = textIn(presentation)
      // It is the one answer with a format that a cache may keep.
      reply.header('vary', [reply.getHeader('vary') ?? [], 'Accept'].flat().join(', '))
      reply.header('etag', kept.etag)
      if (isKnown(request.headers['if-none-match'], kept.etag)) return reply.code(304).send()
      return reply.type(contentTypeOf(presentation)).send(kept.text)
    })
    refuseOtherMethods(server, `/metadata${end}`, ['GET'])
    // "The server SHALL respond with application/json, regardless of the Accept header".
    server.get(`/.well-known/smart-configuration${end}`, async (_request, reply) =>
      reply.type('application/json').send(toSmartConfiguration({ address: address(), isRegistrationOpen })),
    )
    refuseOtherMethods(server, `/.well-known/smart-configuration${end}`, ['GET'])
  }
}

type Kept = { readonly text: string; readonly etag: string }

/** Weak, since it may be sent compressed. */
const keptOf = (text: string): Kept => ({
  text,
  etag: `W/"${createHash('sha256').update(text).digest('base64url')}"`,
})

/** https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match */
const isKnown = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some(tag => ['*', etag, etag.slice(2)].includes(tag.trim())) ?? false

/** It is public. If it were made for each request, a few requests a second for XML would leave no time for anybody else. */
const keptTexts = (make: (presentation: Presentation) => string): ((presentation: Presentation) => Kept) => {
  const made = new Map<string, Kept>()
  return presentation => {
    const key = `${presentation.format} ${presentation.pretty}`
    const kept = made.get(key) ?? keptOf(make(presentation))
    made.set(key, kept)
    return kept
  }
}
