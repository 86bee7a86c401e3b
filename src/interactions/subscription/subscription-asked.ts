import type { ResourceType } from '@medplum/fhirtypes'
import type { Access } from '../../access/access.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Expression } from '../../search/expression.ts'

/** What a Subscription asks for. https://hl7.org/fhir/R4/subscription.html */
export type SubscriptionAsked = {
  readonly type: ResourceType
  readonly where: Expression
  /** The access of its subscriber, within the study that it names. */
  readonly access: Access
  /** Whether it names a topic: notifications are then Bundles, as the backport has them. */
  readonly isOfTopic: boolean
  readonly channel: Channel
  /** empty: says only that there is something new. */
  readonly content: (typeof payloadContents)[number]
  readonly mimeType: string
  /** Most events in one notification. */
  readonly maxCount: number
}

/** What a notification may say of each event. */
export const payloadContents = ['empty', 'id-only', 'full-resource'] as const

export type SubscriptionParts = {
  readonly registry: Registry
  readonly access: Access
  /** The same, narrowed to a ResearchStudy by its id. */
  readonly accessWithin: (study: string) => Access
  readonly base: string
  /** Why no requests are sent to the URL; undefined if they are. */
  readonly refusalOf: (url: string) => string | undefined
}

export type Channel = RestHook | { readonly kind: 'websocket' }

export type RestHook = {
  readonly kind: 'rest-hook'
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
}

export const refusedElement = (element: string, message: string): FhirError =>
  new FhirError('business-rule', message, { expression: `Subscription.${element}` })
