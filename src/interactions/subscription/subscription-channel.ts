import type { Subscription } from '@medplum/fhirtypes'
import { besideOf, extensionOf } from '../../fhir/extension.ts'
import { backportUrls, isTopic } from '../../fhir/subscription.ts'
import {
  type Channel,
  payloadContents,
  type RestHook,
  refusedElement,
  type SubscriptionAsked,
  type SubscriptionParts,
} from './subscription-asked.ts'

export const channelOf = ({ channel }: Subscription, { refusalOf }: Pick<SubscriptionParts, 'refusalOf'>): Channel => {
  const { type, endpoint, header = [] } = channel
  const custom = extensionOf(besideOf(channel, 'type'), backportUrls.channelType)
  if (custom !== undefined)
    throw refusedElement(
      'channel.type.extension',
      'There are no channels here but those of R4: rest-hook and websocket',
    )
  if (type === 'websocket') return { kind: type }
  if (type !== 'rest-hook')
    throw refusedElement('channel.type', `Channels here are of the type rest-hook or websocket, not ${type}`)
  if (endpoint === undefined) throw refusedElement('channel.endpoint', 'A rest-hook needs the URL that is to be told')
  const reason = refusalOf(endpoint)
  if (reason !== undefined) throw refusedElement('channel.endpoint', `Nothing can be sent there: ${reason}`)
  return { kind: type, endpoint, headers: headersOf(header) }
}

/** A request has only one header of a name. */
const headersOf = (lines: readonly string[]): RestHook['headers'] => {
  const headers = lines.map(headerOf)
  const names = headers.map(([name]) => name.toLowerCase())
  const twice = headers.find((_, index) => names.indexOf(names[index] ?? '') < index)
  if (twice !== undefined) throw refusedElement('channel.header', `The header ${twice[0]} is given more than once`)
  return Object.fromEntries(headers)
}

const headerOf = (line: string): readonly [name: string, value: string] => {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):([\x20-\x7e]*)$/.exec(line) ?? []
  if (name === undefined || value === undefined || ownHeaders.has(name.toLowerCase()))
    throw refusedElement(
      'channel.header',
      'A header is a line such as "Authorization: Bearer secret", and none that HTTP itself needs',
    )
  return [name, value.replace(/^ +/, '')]
}

/** Headers that the request sets itself, or that would change how it is read. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A topic sends ids unless something else is asked for; R4's own form sends nothing without a payload, and whole resources with one. */
export const payloadOf = ({
  criteria,
  channel,
}: Subscription): Pick<SubscriptionAsked, 'content' | 'mimeType' | 'maxCount'> => {
  const { payload } = channel
  if (payload !== undefined && ![jsonType, 'application/json'].includes(payload))
    throw refusedElement(
      'channel.payload',
      `The payload is ${jsonType}, or absent, which tells only that there is something new`,
    )
  return {
    content: isTopic(criteria) ? contentOf(channel) : payload === undefined ? 'empty' : 'full-resource',
    mimeType: payload ?? jsonType,
    maxCount: Math.min(extensionOf(channel, backportUrls.maxCount)?.valuePositiveInt ?? mostEvents, mostEvents),
  }
}

const jsonType = 'application/fhir+json'
const mostEvents = 100

const contentOf = (channel: Subscription['channel']): SubscriptionAsked['content'] => {
  const asked = extensionOf(besideOf(channel, 'payload'), backportUrls.payloadContent)?.valueCode ?? 'id-only'
  const content = payloadContents.find(one => one === asked)
  if (content !== undefined) return content
  throw refusedElement(
    'channel.payload.extension',
    `The content is one of ${payloadContents.join(', ')}, not "${asked}"`,
  )
}
