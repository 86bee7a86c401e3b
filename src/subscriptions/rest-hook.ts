import type { Subscription } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { type Notification, notificationText } from '../interactions/subscription/notification.ts'
import type { RestHook, SubscriptionAsked } from '../interactions/subscription/subscription-asked.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Event } from '../storage/subscription/subscription-event.ts'

type Sending = { readonly outbound: Outbound; readonly base: string }

type Told = {
  readonly asked: SubscriptionAsked
  readonly subscription: Subscription
  readonly lastEvent: number
  readonly events: readonly Event[]
}

/**
 * https://hl7.org/fhir/R4/subscription.html#2.46.7.1: a POST without a body says that there is something new. If a payload was asked for, the
 * endpoint is the base of a FHIR server, and each resource is an update or a deletion there. Notifications of a topic are Bundles.
 */
export const tellHook = async (sending: Sending, hook: RestHook, told: Told): Promise<void> => {
  const { asked, events } = told
  if (asked.isOfTopic) return post(sending, hook, told, events.length === 0 ? 'heartbeat' : 'event-notification')
  if (!tellsOneByOne(asked)) return send(sending, hook, { method: 'POST', url: hook.endpoint })
  for (const { type, id, content } of events.flatMap(({ focus }) => focus ?? []))
    await send(sending, hook, {
      url: placeAt(hook.endpoint, `${type}/${id}`),
      ...(content === undefined ? { method: 'DELETE' } : { method: 'PUT', body: content, mimeType: asked.mimeType }),
    })
}

/** Each event is a request of its own. */
export const tellsOneByOne = ({ isOfTopic, content }: Pick<SubscriptionAsked, 'isOfTopic' | 'content'>): boolean =>
  !isOfTopic && content !== 'empty'

/** Below the endpoint's path; its query stays. */
const placeAt = (endpoint: string, path: string): string => {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`
  return url.href
}

/** "After a successful handshake notification has been sent and accepted, the server SHALL update the status to active." */
export const greet = async (sending: Sending, hook: RestHook, told: Told): Promise<void> => {
  if (told.asked.isOfTopic) await post(sending, hook, told, 'handshake')
}

const post = (sending: Sending, hook: RestHook, told: Told, type: Notification['type']): Promise<void> => {
  const { asked, ...rest } = told
  const body = notificationText({ ...rest, type, content: asked.content }, sending.base)
  return send(sending, hook, { method: 'POST', url: hook.endpoint, body, mimeType: asked.mimeType })
}

type Request = {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  readonly body?: string
  readonly mimeType?: string
}

const send = async (
  { outbound }: Sending,
  { headers: own }: RestHook,
  { mimeType, ...request }: Request,
): Promise<void> => {
  const headers = { ...own, ...(mimeType === undefined ? {} : { 'content-type': mimeType }) }
  const { status } = await outbound.send({ ...request, headers }).catch(error => {
    throw failure(reasonOf(error), error)
  })
  const isGone = request.method === 'DELETE' && goneStatuses.has(status)
  if (!isGone && (status < 200 || status > 299)) throw failure(`The endpoint answered ${status}`)
}

/** It was not there to be deleted. */
const goneStatuses: ReadonlySet<number> = new Set([404, 410])

const failure = (reason: string, cause?: unknown): FhirError => new FhirError('transient', reason, { cause })

/** In words that reveal nothing about this server's surroundings. */
const reasonOf = (error: unknown): string => {
  const { code, name } = error instanceof Error ? { code: undefined, ...error, name: error.name } : {}
  return name === 'TimeoutError' || timeouts.has(String(code))
    ? 'The endpoint did not answer in time'
    : 'The endpoint could not be reached'
}

const timeouts: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
