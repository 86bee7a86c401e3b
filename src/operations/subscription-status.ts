import type { Subscription } from '@medplum/fhirtypes'
import { FhirError, unlessRefused } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'
import { bundleChunks, bundleEntry } from '../interactions/bundle/bundle-text.ts'
import type { Context, FhirRequest } from '../interactions/interaction.ts'
import { notificationText, statusOf } from '../interactions/subscription/notification.ts'
import { parseSubscription } from '../interactions/subscription/subscription.ts'
import { payloadContents } from '../interactions/subscription/subscription-asked.ts'
import { parseSearch } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import { wholeNumberIn } from '../search/written-value.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, parametersResponse, primitivesOf } from './parameters.ts'

const defined = 'http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription'

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-status.html */
export const subscriptionStatus: Operation = {
  name: 'status',
  definition: `${defined}-status`,
  at: { type: 's', instance: 'r' },
  types: ['Subscription'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: { id: 'text', status: 'text' } }),
  documentation: 'The state of the caller’s Subscriptions: all, those with the ids, or those with a status.',
  handler: async (request, context) => {
    const given = accepted(request, subscriptionStatus.takes().primitives)
    const found = await subscriptionsOf(request, given.getAll('id'), context)
    const statuses = 'id' in request ? [] : given.getAll('status')
    const shown = found.filter(({ status }) => statuses.length === 0 || statuses.includes(status))
    const entries: string[] = []
    for (const subscription of shown) {
      const lastEvent = await context.store.lastEvent(subscription.id ?? '', await questionOf(subscription, context))
      const told = { type: 'query-status', subscription, content: 'empty', lastEvent, events: [] } as const
      const status = statusOf(told, context.base)
      entries.push(bundleEntry(`urn:uuid:${status.id}`, JSON.stringify(status), { search: { mode: 'match' } }))
    }
    const head = { type: 'searchset', total: entries.length, link: [] } as const
    return { status: 200, body: { kind: 'chunks', chunks: bundleChunks(head, entries) } }
  },
}

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-events.html */
export const subscriptionEvents: Operation = {
  name: 'events',
  definition: `${defined}-events`,
  at: { instance: 'r' },
  types: ['Subscription'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: eventParameters }),
  documentation:
    'The events of the caller’s Subscription between two numbers, at most 1000 from the first on, as far as the caller may still see what they are about.',
  handler: async (request, context) => {
    const given = accepted(request, eventParameters)
    const [subscription] = await subscriptionsOf(request, [], context)
    if (subscription === undefined) throw new Error('an instance without its resource')
    const id = subscription.id ?? ''
    const lastEvent = await context.store.lastEvent(id, await questionOf(subscription, context))
    // A Subscription that never had an event may never have been checked.
    const asked = lastEvent === 0 ? undefined : parseSubscription(subscription, context)
    const content = contentOf(only(given, 'content'), asked?.content ?? 'id-only')
    const range = {
      after: numberOf(given, 'eventsSinceNumber', 1) - 1,
      until: numberOf(given, 'eventsUntilNumber', lastEvent),
      limit: 1000,
      whole: content === 'full-resource',
    }
    // Just before it is no mistake: so whoever has seen all asks for what is new.
    if (given.has('eventsUntilNumber') && range.until < range.after)
      throw refusal('eventsUntilNumber', 'eventsUntilNumber lies before eventsSinceNumber')
    const events = asked === undefined ? [] : await context.store.events(id, asked, range)
    const text = notificationText({ type: 'query-event', subscription, content, lastEvent, events }, context.base)
    return { status: 200, body: { kind: 'text', text } }
  },
}

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-get-ws-binding-token.html */
export const websocketBinding: Operation = {
  name: 'get-ws-binding-token',
  definition: `${defined}-get-ws-binding-token`,
  at: { type: 's', instance: 'r' },
  types: ['Subscription'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: { id: 'text' } }),
  documentation:
    'A token that a websocket can present once, within a minute, to be notified of the caller’s Subscriptions that have this channel and were written with the same client and scopes.',
  handler: async (request, context) => {
    const found = await subscriptionsOf(
      request,
      accepted(request, websocketBinding.takes().primitives).getAll('id'),
      context,
    )
    const ids = found.flatMap(({ id, status, channel }) =>
      id !== undefined && status === 'active' && channel.type === 'websocket' ? [id] : [],
    )
    if (ids.length === 0)
      throw new FhirError('business-rule', 'None of these Subscriptions is active and has the channel websocket')
    const binding = await context.store.issueBinding(ids)
    if (binding === undefined)
      throw new FhirError(
        'business-rule',
        'None of these Subscriptions was written with this client and these scopes: what it tells is what they reach. Write it again, with status requested, or make another',
      )
    const { token, expiresAt, subscriptions } = binding
    return parametersResponse([
      { name: 'token', valueString: token },
      { name: 'expiration', valueDateTime: expiresAt.toISOString() },
      ...subscriptions.map(id => ({ name: 'subscription', valueString: `Subscription/${id}` })),
      { name: 'websocket-url', valueUrl: websocketUrl(context.base) },
    ])
  },
}

/** On the same server as the FHIR base, and next to it. */
export const websocketUrl = (base: string): string => `${base.replace(/^http/, 'ws').replace(/\/fhir$/, '')}/ws`

const eventParameters: ParameterTypes = {
  eventsSinceNumber: 'integer64',
  eventsUntilNumber: 'integer64',
  content: 'text',
}

const accepted = (request: FhirRequest, types: ParameterTypes): URLSearchParams => {
  const names = Object.keys(types)
  const given = primitivesOf(request, types)
  const unknown = [...given.keys()].find(name => !names.includes(name))
  if (unknown === undefined) return given
  throw refusal(unknown, `There is no parameter "${unknown}" here; there are: ${names.join(', ')}`)
}

/** Only those that the caller may see; the id of another's is unknown to them. */
const subscriptionsOf = async (
  request: FhirRequest,
  ids: readonly string[],
  { store, registry, base }: Context,
): Promise<readonly Subscription[]> => {
  if ('id' in request) return [parseJson((await store.read('Subscription', request.id)).content) as Subscription]
  const query = new URLSearchParams({ _count: '1000', ...(ids.length === 0 ? {} : { _id: ids.join() }) })
  const { entries } = await store.search(parseSearch(registry, 'Subscription', query, { base }))
  return entries.map(({ content }) => parseJson(content) as Subscription)
}

/** Undefined for one that cannot be served as it is, and so is not told anything. */
const questionOf = (subscription: Subscription, context: Context) =>
  unlessRefused(async () => parseSubscription(subscription, context))

const numberOf = (given: URLSearchParams, name: string, otherwise: number): number => {
  const text = only(given, name)
  if (text === undefined) return otherwise
  const number = wholeNumberIn(text, { least: 0, most: Number.MAX_SAFE_INTEGER })
  if (number !== undefined) return number
  throw refusal(name, `${name} is the number of an event, not "${text}"`)
}

const contentOf = (text: string | undefined, otherwise: Content): Content => {
  const asked = payloadContents.find(one => one === text)
  if (text !== undefined && asked === undefined)
    throw refusal('content', `content is one of ${payloadContents.join(', ')}, not "${text}"`)
  return asked ?? otherwise
}

type Content = (typeof payloadContents)[number]
