import type { Resource, ResourceType, Subscription } from '@medplum/fhirtypes'
import type { Access } from '../access/access.ts'
import { type Caller, narrowedTo } from '../access/caller.ts'
import { isGranted } from '../access/rules.ts'
import { FhirError } from '../fhir/error.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import { subscribedType } from '../fhir/subscription.ts'
import { parseSubscription } from '../interactions/subscription/subscription.ts'
import type { SubscriptionAsked, SubscriptionParts } from '../interactions/subscription/subscription-asked.ts'
import { type Criteria, parseSubscriptionCriteria } from '../interactions/subscription/subscription-criteria.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Found } from '../storage/audit/concerned.ts'
import type { Database } from '../storage/database.ts'
import type { Store } from '../storage/store.ts'
import { giveNotice } from '../storage/subscription/notice.ts'
import { isFault } from '../storage/subscription/question.ts'
import {
  findSubscriber,
  markFailed,
  markGreeted,
  markTold,
  type Subscriber,
} from '../storage/subscription/subscriber.ts'
import { type Event, eventsIn } from '../storage/subscription/subscription-event.ts'
import type { Attempt } from '../storage/work/queue.ts'
import { greet, tellHook, tellsOneByOne } from './rest-hook.ts'

export type Serving = {
  readonly database: Database
  readonly registry: Registry
  readonly classes: CodeClasses
  readonly accessFor: (caller: Caller) => Access
  /** The server's own store, which signs its writes with the caller's name, so that a Subscription remains its creator's. */
  readonly openStoreAs: (caller: Caller) => Store
  readonly outbound: Outbound
  readonly base: () => string
  readonly reportFault: (fault: unknown) => void
  /** Records durably, before somebody is told of resources, that they are. */
  readonly recordTold: (caller: Caller | undefined, told: readonly Found[]) => Promise<void>
}

/** The key of the job: a subscriber, with how often they have written the Subscription. */
export const keyOf = ({ id, writing }: Pick<Subscriber, 'id' | 'writing'>): string => `${id}/${writing}`

/**
 * Does whatever is due to one subscriber, if anything still is: the job may have been queued before the last run was over. Throws if it fails and is
 * to be tried again. What takes longer than one turn, or is left when the server stops, stays due.
 */
export const serve = async (serving: Serving, key: string, turn: Turn): Promise<void> => {
  const end = performance.now() + turnMs
  while ((await serveNext(serving, key, turn)) && performance.now() < end && !turn.closing.aborted);
}

type Turn = Attempt & { readonly closing: AbortSignal }

/** Far less than the queue allows for a job. */
const turnMs = 60_000

/** Sends one request at most, with what is true at that moment. Answers whether there may be more to do. */
const serveNext = async (serving: Serving, key: string, { isLast }: Turn): Promise<boolean> => {
  const [id = ''] = key.split('/')
  const subscriber = await findSubscriber(serving.database, id)
  if (subscriber?.caller === undefined || keyOf(subscriber) !== key || !subscriber.isDue) return false
  if (isOver(serving, subscriber)) {
    await setStatus(serving, subscriber, { status: 'off' })
    return false
  }
  try {
    const asked = parsed(serving, subscriber.subscription, subscriber.caller)
    if (await tellNext(serving, subscriber, asked)) return true
    if (subscriber.subscription.status !== 'active') await setStatus(serving, subscriber, { status: 'active' })
  } catch (error) {
    // What is stuck was tried again and again, and each try stands in the record as if somebody had been told: once an hour is enough.
    if (mayPass(error) && !isLast(error) && !subscriber.isStuck) throw error
    await giveUp(serving, subscriber, error)
  }
  return false
}

/** The grant behind the token has ended, or the caller may no longer search the type: then there is nothing to tell them. */
const isOver = ({ accessFor }: Parsing, { subscription, caller, hasEnded }: Subscriber): boolean =>
  hasEnded || (caller !== undefined && !isGranted(accessFor(caller), 's', subscribedType(subscription) as ResourceType))

const mayPass = (error: unknown): boolean => !(error instanceof FhirError) || error.issues[0].code === 'transient'

/** What the subscriber asks for now; undefined if it has become impossible, which they are told when they are served. */
export const questionOf = (
  serving: Parsing,
  { subscription, caller, hasEnded }: Subscriber,
): SubscriptionAsked | undefined => {
  if (caller === undefined || hasEnded) return undefined
  try {
    return parsed(serving, subscription, caller)
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}

/** Which resources are its events, however they are delivered; undefined if there is nothing to ask. Throws if it has become impossible. */
export const criteriaFor = (serving: Parsing, { subscription, caller, hasEnded }: Subscriber): Criteria | undefined =>
  caller === undefined || hasEnded ? undefined : parseSubscriptionCriteria(subscription, askingOf(serving, caller))

type Parsing = Pick<Serving, 'registry' | 'accessFor' | 'base'> & { readonly outbound: Pick<Outbound, 'refusalOf'> }

const parsed = (serving: Parsing, subscription: Subscription, caller: Caller): SubscriptionAsked =>
  parseSubscription(subscription, askingOf(serving, caller))

const askingOf = ({ registry, accessFor, outbound, base }: Parsing, caller: Caller): SubscriptionParts => ({
  registry,
  access: accessFor(caller),
  accessWithin: study => accessFor(narrowedTo(caller, study)),
  base: base(),
  refusalOf: outbound.refusalOf,
})

/**
 * Does what comes next, and answers whether something is left after it. If the process ends after a delivery and before it is noted, it is delivered
 * twice.
 */
const tellNext = async (serving: Serving, subscriber: Subscriber, asked: SubscriptionAsked): Promise<boolean> => {
  const { database } = serving
  const { id, lastTold, lastEvent, isGreeted, isSilent, writing } = subscriber
  if (!isGreeted) {
    await greetBy(serving, subscriber, asked)
    await markGreeted(database, id, writing)
    return true
  }
  if (lastTold < lastEvent) {
    const events = await nextEvents(serving, subscriber, asked)
    const until = events.at(-1)?.number ?? lastEvent
    if (events.some(({ focus }) => focus !== undefined))
      await tellBy(serving, subscriber, asked, { events, after: lastTold, until })
    await markTold(database, id, until)
    return until < lastEvent
  }
  if (isSilent) {
    await tellBy(serving, subscriber, asked, { events: [], after: lastEvent, until: lastEvent })
    await markTold(database, id, lastEvent)
  }
  return false
}

/** As many as go into one request. */
const nextEvents = async (
  serving: Serving,
  { id, lastTold, lastEvent }: Subscriber,
  asked: SubscriptionAsked,
): Promise<readonly Event[]> => {
  const limit = asked.channel.kind === 'rest-hook' && tellsOneByOne(asked) ? 1 : asked.maxCount
  const range = { after: lastTold, until: lastEvent, limit, whole: asked.content === 'full-resource' }
  return upTo(mostCharacters, await eventsIn(serving.database, serving, asked, id, range))
}

/** The first of the events, as long as their contents together are not longer, and at least one. */
const upTo = (most: number, events: readonly Event[]): readonly Event[] => {
  let length = 0
  const beyond = events.findIndex(({ focus }, index) => {
    length += focus?.content?.length ?? 0
    return index > 0 && length > most
  })
  return beyond === -1 ? events : events.slice(0, beyond)
}

/** For the contents in one notification, since most receivers accept a megabyte. */
const mostCharacters = 900_000

const greetBy = async (
  { outbound, base }: Serving,
  { subscription, lastEvent }: Subscriber,
  asked: SubscriptionAsked,
) => {
  if (asked.channel.kind === 'rest-hook')
    await greet({ outbound, base: base() }, asked.channel, { asked, subscription, lastEvent, events: [] })
}

/** Without events it is a heartbeat. A websocket may be connected to another server, which reads the events itself. */
const tellBy = async (
  { database, outbound, base, recordTold }: Serving,
  { id, subscription, lastEvent, caller }: Subscriber,
  asked: SubscriptionAsked,
  { events, after, until }: { readonly events: readonly Event[]; readonly after: number; readonly until: number },
): Promise<void> => {
  if (asked.channel.kind === 'websocket') return giveNotice(database, { id, after, until })
  await recordTold(caller, fociOf(events))
  return tellHook({ outbound, base: base() }, asked.channel, { asked, subscription, lastEvent, events })
}

/** The resources that the events are about, if they may still be seen. */
export const fociOf = (events: readonly Event[]): readonly Found[] =>
  events.flatMap(({ focus }) => (focus === undefined ? [] : [focus]))

/** For a question that cannot be answered: the Subscription ends if it may no longer be asked, and otherwise says once what is wrong. */
export const refuse = async (serving: Serving, subscriber: Subscriber, cause: FhirError): Promise<void> => {
  if (isOver(serving, subscriber)) return setStatus(serving, subscriber, { status: 'off' })
  if (subscriber.subscription.error !== wordsOf(cause)) await giveUp(serving, subscriber, cause)
}

/**
 * The creator can read in the Subscription what is wrong. What is waiting is kept; when the creator writes the Subscription again, it starts again.
 */
const giveUp = async (serving: Serving, subscriber: Subscriber, cause: unknown): Promise<void> => {
  if (!(cause instanceof FhirError)) serving.reportFault(cause)
  else if (isFault(cause)) serving.reportFault(cause.cause)
  await markFailed(serving.database, subscriber.id)
  const error = cause instanceof FhirError ? wordsOf(cause) : 'Internal error'
  await setStatus(serving, subscriber, { status: 'error', error })
}

const wordsOf = ({ issues }: FhirError): string => issues.map(({ message }) => message).join('; ')

/** Writes a new version, unless somebody has written one since the Subscription was read: that one is then looked at itself. */
const setStatus = async (
  { openStoreAs }: Serving,
  { id, subscription: seen, caller }: Subscriber,
  { status, error }: Pick<Subscription, 'status' | 'error'>,
): Promise<void> => {
  if (caller === undefined) return
  const change = (stored: Resource): Resource => {
    if (stored.meta?.versionId !== seen.meta?.versionId) return stored
    const { error: _, ...rest } = stored as Subscription
    return { ...rest, status, ...(error === undefined ? {} : { error }) }
  }
  const [written] = await openStoreAs(caller).write([{ kind: 'patch', type: 'Subscription', id, change }])
  if (written?.outcome === 'refused' && written.error.status !== 410) throw written.error
}
