import type { Resource, ResourceType, Subscription } from '@medplum/fhirtypes'
import type { Access } from '../access/access.ts'
import { type Caller, within } from '../access/caller.ts'
import { isGranted } from '../access/rules.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { subscribedType } from '../fhir/subscription.ts'
import { parseSubscription } from '../interactions/subscription.ts'
import type { Asked } from '../interactions/subscription-asked.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Found } from '../storage/audit/concerned.ts'
import type { Database } from '../storage/database.ts'
import { giveNotice } from '../storage/notice.ts'
import type { Store } from '../storage/store.ts'
import { findSubscriber, markFailed, markTold, type Subscriber } from '../storage/subscriber.ts'
import { type Event, eventsIn } from '../storage/subscription-event.ts'
import { greet, tellHook } from './rest-hook.ts'

export type Serving = {
  readonly database: Database
  readonly registry: Registry
  readonly classes: CodeClasses
  readonly accessFor: (caller: Caller) => Access
  /** The server's own store, whose writes are signed with the caller's name: a Subscription stays its creator's. */
  readonly openStoreAs: (caller: Caller) => Store
  readonly outbound: Outbound
  readonly base: () => string
  readonly reportFault: (fault: unknown) => void
  /** Keeps durably that somebody is told of resources, before they are. */
  readonly recordTold: (caller: Caller | undefined, told: readonly Found[]) => Promise<void>
}

/**
 * Whatever is due to one subscriber, if anything still is: somebody may have asked for it who looked before the last time was over.
 * It throws where that fails and is to be tried again.
 */
export const serve = async (serving: Serving, id: string, { isLast }: { isLast: boolean }): Promise<void> => {
  const subscriber = await findSubscriber(serving.database, id)
  if (subscriber?.caller === undefined || !subscriber.isDue) return
  const { subscription, caller } = subscriber
  const access = serving.accessFor(caller)
  const type = subscribedType(subscription) as ResourceType
  if (subscriber.hasEnded || !isGranted(access, 's', type)) return setStatus(serving, subscriber, { status: 'off' })
  try {
    const asked = parsed(serving, subscription, caller)
    if (subscription.status === 'requested') await greetBy(serving, subscriber, asked)
    await tell(serving, subscriber, asked)
    if (subscription.status !== 'active') await setStatus(serving, subscriber, { status: 'active' })
  } catch (error) {
    if (mayPass(error) && !isLast) throw error
    await giveUp(serving, subscriber, error)
  }
}

const mayPass = (error: unknown): boolean => !(error instanceof FhirError) || error.issues[0].code === 'transient'

/** What is asked now by whom; undefined where it has become impossible since, which serving it will say. */
export const questionOf = (serving: Parsing, { subscription, caller, hasEnded }: Subscriber): Asked | undefined => {
  if (caller === undefined || hasEnded) return undefined
  try {
    return parsed(serving, subscription, caller)
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}

type Parsing = Pick<Serving, 'registry' | 'accessFor' | 'outbound' | 'base'>

const parsed = (serving: Parsing, subscription: Subscription, caller: Caller): Asked => {
  const { registry, accessFor, outbound, base } = serving
  return parseSubscription(subscription, {
    registry,
    access: accessFor(caller),
    accessWithin: study => accessFor(within(caller, study)),
    base: base(),
    refusalOf: outbound.refusalOf,
  })
}

/** Events that come meanwhile are due again. Where the process ends after it told and before that is noted, it is told twice. */
const tell = async (serving: Serving, subscriber: Subscriber, asked: Asked): Promise<void> => {
  const { database, classes } = serving
  const { id, lastTold, lastEvent, isSilent } = subscriber
  const whole = asked.content === 'full-resource'
  for (let after = lastTold; after < lastEvent; ) {
    const range = { after, until: lastEvent, limit: asked.maxCount, whole }
    const events = upTo(mostCharacters, await eventsIn(database, classes, asked, id, range))
    const until = events.at(-1)?.number ?? lastEvent
    if (events.some(({ focus }) => focus !== undefined))
      await tellBy(serving, subscriber, asked, { events, after, until })
    await markTold(database, id, until)
    after = until
  }
  if (lastTold === lastEvent && isSilent) {
    await tellBy(serving, subscriber, asked, { events: [], after: lastEvent, until: lastEvent })
    await markTold(database, id, lastEvent)
  }
}

/** The first of the events whose contents together are not longer, and one at least. */
const upTo = (most: number, events: readonly Event[]): readonly Event[] => {
  let length = 0
  const beyond = events.findIndex(({ focus }, index) => {
    length += focus?.content.length ?? 0
    return index > 0 && length > most
  })
  return beyond === -1 ? events : events.slice(0, beyond)
}

/** Of the contents in one notification: most receivers take a megabyte. */
const mostCharacters = 900_000

const greetBy = async ({ database, outbound, base }: Serving, subscriber: Subscriber, asked: Asked) => {
  const { subscription, lastEvent } = subscriber
  if (asked.channel.kind === 'rest-hook')
    await greet({ outbound, base: base() }, asked.channel, { asked, subscription, lastEvent, events: [] })
  // From here on its heartbeats count.
  await markTold(database, subscriber.id, subscriber.lastTold)
}

/** Without events it is a heartbeat. A websocket may be at another server, which asks for the events itself. */
const tellBy = async (
  { database, outbound, base, recordTold }: Serving,
  { id, subscription, lastEvent, caller }: Subscriber,
  asked: Asked,
  { events, after, until }: { readonly events: readonly Event[]; readonly after: number; readonly until: number },
): Promise<void> => {
  if (asked.channel.kind === 'websocket') return giveNotice(database, { id, after, until })
  await recordTold(caller, fociOf(events))
  return tellHook({ outbound, base: base() }, asked.channel, { asked, subscription, lastEvent, events })
}

/** The resources that events are about, as far as they may be seen. */
export const fociOf = (events: readonly Event[]): readonly Found[] =>
  events.flatMap(({ focus }) => (focus === undefined ? [] : [focus]))

/** The creator reads in the Subscription what is wrong; what waits is kept, and asking for it again starts it again. */
export const giveUp = async (serving: Serving, subscriber: Subscriber, cause: unknown): Promise<void> => {
  if (!(cause instanceof FhirError)) serving.reportFault(cause)
  await markFailed(serving.database, subscriber.id)
  const error = cause instanceof FhirError ? cause.issues.map(({ message }) => message).join('; ') : 'Internal error'
  await setStatus(serving, subscriber, { status: 'error', error })
}

/** As a new version, unless somebody has written one since it was looked at: that is then looked at itself. */
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
