import type { Subscription } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { FhirError, type Issue, orRefusal } from '../../fhir/error.ts'
import { isTopic } from '../../fhir/subscription.ts'
import { lookUpConcepts } from '../../search/concepts.ts'
import type { Context } from '../interaction.ts'
import { refusedElement, type SubscriptionAsked, type SubscriptionParts } from './subscription-asked.ts'
import { channelOf, payloadOf } from './subscription-channel.ts'
import { parseSubscriptionCriteria } from './subscription-criteria.ts'

/** What it asks for, as its subscriber may have it now. Throws one FhirError with an issue for each element that cannot be served. */
export const parseSubscription = (subscription: Subscription, asking: SubscriptionParts): SubscriptionAsked => {
  const issues: Issue[] = []
  const criteria = collected(issues, () => parseSubscriptionCriteria(subscription, asking))
  const channel = collected(issues, () => channelOf(subscription, asking))
  const payload = collected(issues, () => payloadOf(subscription))
  const [first, ...others] = issues
  if (first !== undefined) throw FhirError.of([first, ...others], { status: 422 })
  if (criteria === undefined || channel === undefined || payload === undefined) throw new Error('parsed to nothing')
  return { ...criteria, ...payload, channel, isOfTopic: isTopic(subscription.criteria) }
}

/**
 * A Subscription as a client may write it: requested, or off. The server makes it active once it has looked at it. One that is imported has to be
 * one that can be served, too, but is off until its subscriber asks for it: what it is to be compared with may come later in the import.
 */
export const receiveSubscription = async (
  sent: Subscription,
  { caller, ...context }: Context,
): Promise<Subscription> => {
  const isImported = caller.client.policies.has('everything')
  const status = isImported && sent.status === 'error' ? 'off' : statusAsked[sent.status]
  if (status === undefined)
    throw refusedElement(
      'status',
      'The server says when a Subscription is in error; a client asks for requested, or off',
    )
  if (status === 'off' || hasEnded(sent)) return { ...sent, status: 'off' }
  const asked = parseSubscription(sent, context)
  if (isImported) return { ...sent, status: 'off' }
  await requireValueSets(asked, context)
  const { error: _, ...rest } = sent
  return { ...rest, status }
}

/** The value sets of its criteria must be known, and the subscriber must be able to read them. */
const requireValueSets = async (
  { where }: SubscriptionAsked,
  { registry, store }: Omit<Context, 'caller'>,
): Promise<void> => {
  try {
    await lookUpConcepts(where, { registry, terminology: store.terminology })
  } catch (error) {
    throw error instanceof FhirError ? refusedElement('criteria', error.message) : error
  }
}

const statusAsked: Readonly<Partial<Record<Subscription['status'], Subscription['status']>>> = {
  requested: 'requested',
  active: 'requested',
  off: 'off',
}

const hasEnded = ({ end }: Subscription): boolean =>
  end !== undefined && Date.parse(intervalOf(end)?.low ?? '') <= Date.now()

/** Goes through all elements before it throws, so that all mistakes are told at once. */
const collected = <T>(issues: Issue[], parse: () => T): T | undefined => {
  const parsed = orRefusal(parse)
  if (!(parsed instanceof FhirError)) return parsed
  issues.push(...parsed.issues)
  return undefined
}
