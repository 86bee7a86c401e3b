import { randomUUID } from 'node:crypto'
import type { Parameters, ParametersParameter, Subscription } from '@medplum/fhirtypes'
import { backportUrls, isTopic } from '../../fhir/subscription.ts'
import type { Event } from '../../storage/subscription/subscription-event.ts'
import { bundleChunks, bundleEntry } from '../bundle/bundle-text.ts'
import type { SubscriptionAsked } from './subscription-asked.ts'

export type Notification = {
  readonly type: 'handshake' | 'heartbeat' | 'event-notification' | 'query-event'
  readonly subscription: Subscription
  readonly content: SubscriptionAsked['content']
  /** How many events there were in all. */
  readonly lastEvent: number
  readonly events: readonly Event[]
}

/** A Bundle whose first entry is the status of the Subscription. https://hl7.org/fhir/uv/subscriptions-backport/notifications.html */
export const notificationText = (notification: Notification, base: string): string => {
  const { subscription, content, events } = notification
  const status = statusOf(notification, base)
  const request = { method: 'GET', url: `${base}/Subscription/${subscription.id}/$status` }
  const entries = [
    bundleEntry(`urn:uuid:${status.id}`, JSON.stringify(status), { request, response: { status: '200' } }),
    ...(content === 'full-resource' ? events.flatMap(event => focusEntry(event, base)) : []),
  ]
  return [...bundleChunks({ type: 'history', timestamp: new Date().toISOString(), link: [] }, entries)].join('')
}

const focusEntry = ({ focus }: Event, base: string): readonly string[] => {
  if (focus === undefined) return []
  const { type, id, version, content } = focus
  const url = `${type}/${id}`
  const [request, status] =
    content === undefined
      ? [{ method: 'DELETE', url }, '204']
      : version === 1
        ? [{ method: 'POST', url: type }, '201']
        : [{ method: 'PUT', url }, '200']
  return [bundleEntry(`${base}/${url}`, content, { request, response: { status } })]
}

type Status = Omit<Notification, 'type'> & { readonly type: Notification['type'] | 'query-status' }

/** R5's SubscriptionStatus as R4's Parameters. */
export const statusOf = (told: Status, base: string): Parameters & { readonly id: string } => {
  const { type, subscription, content, lastEvent, events } = told
  const { id, criteria, status, error } = subscription
  return {
    resourceType: 'Parameters',
    id: randomUUID(),
    meta: { profile: [backportUrls.statusOfNotification] },
    parameter: [
      { name: 'subscription', valueReference: { reference: `${base}/Subscription/${id}` } },
      ...(namesTopic(told) ? [{ name: 'topic', valueCanonical: criteria }] : []),
      { name: 'status', valueCode: status },
      { name: 'type', valueCode: type },
      { name: 'events-since-subscription-start', valueString: String(lastEvent) },
      ...events.filter(({ focus }) => focus !== undefined).map(event => eventOf(event, content, base)),
      ...(error === undefined ? [] : [{ name: 'error', valueCodeableConcept: { text: error } }]),
    ],
  }
}

/** "This value SHOULD NOT be present when using `empty` payloads": these say nothing but that there is something new. */
const namesTopic = ({ type, content, subscription }: Status): boolean =>
  isTopic(subscription.criteria) && (type === 'query-status' || content !== 'empty')

const eventOf = (
  { number, occurredAt, focus }: Event,
  content: SubscriptionAsked['content'],
  base: string,
): ParametersParameter => ({
  name: 'notification-event',
  part: [
    { name: 'event-number', valueString: String(number) },
    { name: 'timestamp', valueInstant: occurredAt.toISOString() },
    ...(focus === undefined || content === 'empty'
      ? []
      : [{ name: 'focus', valueReference: { reference: `${base}/${focus.type}/${focus.id}` } }]),
  ],
})
