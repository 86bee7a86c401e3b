import type { ResourceType, Subscription } from '@medplum/fhirtypes'
import { type Access, restrict } from '../access/access.ts'
import { isGranted } from '../access/rules.ts'
import { FhirError, type Issue } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { subscribedType } from '../fhir/subscription.ts'
import type { Expression } from '../search/expression.ts'
import { parseCriteria } from '../search/parse.ts'
import type { Context } from './interaction.ts'

/** What a Subscription asks for. https://hl7.org/fhir/R4/subscription.html */
export type Asked = {
  readonly type: ResourceType
  readonly where: Expression
  readonly channel: RestHook
  /** empty: only that there is something new. full-resource: the resources, as JSON or XML. */
  readonly content: 'empty' | 'full-resource'
  readonly mimeType: string
}

export type RestHook = {
  readonly kind: 'rest-hook'
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
}

type Asking = {
  readonly registry: Registry
  readonly access: Access
  readonly base: string
  /** Why requests are not sent to the URL, where they are not. */
  readonly refusalOf: (url: string) => string | undefined
}

/** As its subscriber may have it now. Throws one FhirError with an issue for each element that cannot be served. */
export const parseSubscription = (subscription: Subscription, asking: Asking): Asked => {
  const issues: Issue[] = []
  const criteria = collected(issues, () => criteriaOf(subscription, asking))
  const channel = collected(issues, () => channelOf(subscription, asking))
  const payload = collected(issues, () => payloadOf(subscription))
  const [first, ...others] = issues
  if (first !== undefined) throw FhirError.of([first, ...others], { status: 422 })
  if (criteria === undefined || channel === undefined || payload === undefined) throw new Error('parsed to nothing')
  return { ...criteria, ...payload, channel }
}

/**
 * A Subscription as a client may write it: asked for, or off. The server makes it active when it has looked at it. What comes
 * by import is off until whom it is for asks for it.
 */
export const receiveSubscription = (sent: Subscription, { caller, ...context }: Context): Subscription => {
  if (caller.client.policies.has('everything')) return { ...sent, status: 'off' }
  const status = statusAsked[sent.status]
  if (status === undefined)
    throw refused('status', 'The server says when a Subscription is in error; a client asks for requested, or off')
  if (status === 'off' || hasEnded(sent)) return { ...sent, status: 'off' }
  parseSubscription(sent, context)
  const { error: _, ...rest } = sent
  return { ...rest, status }
}

const statusAsked: Readonly<Partial<Record<Subscription['status'], Subscription['status']>>> = {
  requested: 'requested',
  active: 'requested',
  off: 'off',
}

const hasEnded = ({ end }: Subscription): boolean => end !== undefined && Date.parse(end) <= Date.now()

const refused = (element: string, message: string): FhirError =>
  new FhirError('business-rule', message, { expression: `Subscription.${element}` })

/** Goes through all elements before it throws, so that all mistakes are told at once. */
const collected = <T>(issues: Issue[], parse: () => T): T | undefined => {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    issues.push(...error.issues)
    return undefined
  }
}

const criteriaOf = (subscription: Subscription, { registry, access, base }: Asking): Pick<Asked, 'type' | 'where'> => {
  const type = registry.resourceTypes.find(one => one === subscribedType(subscription))
  if (type === undefined)
    throw refused(
      'criteria',
      'The criteria are a search of one resource type, such as Observation?code=http://loinc.org|8867-4',
    )
  if (!isGranted(access, 's', type))
    throw refused('criteria', `This token may not search ${type}, so it cannot be told of any`)
  try {
    const where = parseCriteria(registry, type, subscription.criteria.slice(type.length + 1), { base })
    // A chain to what may not be searched is refused here, not at the first event.
    restrict(access, 's', type, where)
    return { type, where }
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    throw refused('criteria', error.issues.map(({ message }) => message).join('; '))
  }
}

const channelOf = ({ channel }: Subscription, { refusalOf }: Asking): RestHook => {
  const { type, endpoint, header = [] } = channel
  if (type !== 'rest-hook') throw refused('channel.type', `Channels here are of the type rest-hook, not ${type}`)
  if (endpoint === undefined) throw refused('channel.endpoint', 'A rest-hook needs the URL that is to be told')
  const reason = refusalOf(endpoint)
  if (reason !== undefined) throw refused('channel.endpoint', `Nothing can be sent there: ${reason}`)
  return { kind: type, endpoint, headers: Object.fromEntries(header.map(headerOf)) }
}

const headerOf = (line: string): readonly [name: string, value: string] => {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): *([\x20-\x7e]*)$/.exec(line) ?? []
  if (name === undefined || value === undefined || ownHeaders.has(name.toLowerCase()))
    throw refused(
      'channel.header',
      'A header is a line such as "Authorization: Bearer secret", and none that HTTP itself needs',
    )
  return [name, value]
}

/** Those that the request has of its own, or that change how it is read. */
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

const payloadOf = ({ channel: { payload } }: Subscription): Pick<Asked, 'content' | 'mimeType'> => {
  if (payload === undefined) return { content: 'empty', mimeType: jsonType }
  if (![jsonType, 'application/json'].includes(payload))
    throw refused(
      'channel.payload',
      `The payload is ${jsonType}, or absent, which tells only that there is something new`,
    )
  return { content: 'full-resource', mimeType: payload }
}

const jsonType = 'application/fhir+json'
