import type { Resource, ResourceType, Subscription } from '@medplum/fhirtypes'
import type { Access } from '../access/access.ts'
import type { Caller } from '../access/caller.ts'
import { isGranted } from '../access/rules.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { subscribedType } from '../fhir/subscription.ts'
import { type Asked, parseSubscription } from '../interactions/subscription.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Database } from '../storage/database.ts'
import type { Store } from '../storage/store.ts'
import { findSubscriber, markFailed, markTold, type Subscriber } from '../storage/subscriber.ts'
import { eventsIn, type Question } from '../storage/subscription-event.ts'
import { tellHook } from './rest-hook.ts'

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
}

/** Whatever is due to one subscriber. It throws where that fails and is to be tried again. */
export const serve = async (serving: Serving, id: string, { isLast }: { isLast: boolean }): Promise<void> => {
  const subscriber = await findSubscriber(serving.database, id)
  if (subscriber?.caller === undefined || subscriber.subscription.status === 'off') return
  const { subscription, caller } = subscriber
  const access = serving.accessFor(caller)
  const type = subscribedType(subscription) as ResourceType
  if (subscriber.hasEnded || !isGranted(access, 's', type)) return setStatus(serving, subscriber, { status: 'off' })
  try {
    const asked = parsed(serving, subscription, caller)
    await tell(serving, subscriber, asked, { type: asked.type, where: asked.where, access })
    if (subscription.status !== 'active') await setStatus(serving, subscriber, { status: 'active' })
  } catch (error) {
    if (mayPass(error) && !isLast) throw error
    await giveUp(serving, subscriber, error)
  }
}

const mayPass = (error: unknown): boolean => !(error instanceof FhirError) || error.issues[0].code === 'transient'

/** What is asked now by whom; undefined where it has become impossible since, which serving it will say. */
export const questionOf = (serving: Serving, { subscription, caller, hasEnded }: Subscriber): Question | undefined => {
  if (caller === undefined || hasEnded) return undefined
  try {
    const { type, where } = parsed(serving, subscription, caller)
    return { type, where, access: serving.accessFor(caller) }
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}

const parsed = ({ registry, accessFor, outbound, base }: Serving, subscription: Subscription, caller: Caller): Asked =>
  parseSubscription(subscription, { registry, access: accessFor(caller), base: base(), refusalOf: outbound.refusalOf })

/** Events that come meanwhile are due again. Where the process ends after it told and before that is noted, it is told twice. */
const tell = async (
  { database, classes, outbound }: Serving,
  { id, lastTold, lastEvent }: Subscriber,
  asked: Asked,
  question: Question,
): Promise<void> => {
  const whole = asked.content === 'full-resource'
  for (let after = lastTold; after < lastEvent; ) {
    const range = { after, until: lastEvent, limit: mostEvents, whole }
    const events = await eventsIn(database, classes, question, id, range)
    await tellHook(outbound, asked, events)
    after = events.at(-1)?.number ?? lastEvent
    await markTold(database, id, after)
  }
}

const mostEvents = 100

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
