import { type Notification, notificationText } from '../interactions/subscription/notification.ts'
import type { SubscriptionAsked } from '../interactions/subscription/subscription-asked.ts'
import type { Notice } from '../storage/subscription/notice.ts'
import { findSubscriber, type Subscriber } from '../storage/subscription/subscriber.ts'
import { eventsIn } from '../storage/subscription/subscription-event.ts'
import type { Connection } from './connection.ts'
import { fociOf, questionOf, type Serving } from './serve.ts'
import { checkStill } from './still-bound.ts'

type Telling = Omit<Serving, 'openStoreAs'>

/** Tells what is new, but only while the tokens of the socket and of the Subscription are both in force. */
export const tell = async (options: Telling, connection: Connection, { id, after, until }: Notice): Promise<void> => {
  if (!(await checkStill(options, connection))) return
  const { socket, bound } = connection
  const subscriber = await findSubscriber(options.database, id)
  const question = subscriber === undefined ? undefined : questionOf(options, subscriber)
  const one = bound.get(id)
  // It may have been written with another token since that was checked.
  if (question === undefined || one === undefined || subscriber?.rights !== one.rights) return
  const range = { after, until, limit: question.maxCount, whole: question.content === 'full-resource' }
  const events = await eventsIn(options.database, options, question, id, range)
  const seen = events.filter(({ focus }) => focus !== undefined)
  if (until > after && seen.length === 0) return
  await options.recordTold(subscriber.caller, fociOf(seen))
  if (one.how === 'by-id' && !question.isOfTopic) return seen.length === 0 ? undefined : socket.send(`ping ${id}`)
  await socket.send(textOf(options, subscriber, question, until > after ? 'event-notification' : 'heartbeat', seen))
}

export const textOf = (
  { base }: Pick<Telling, 'base'>,
  { subscription, lastEvent }: Subscriber,
  { content }: SubscriptionAsked,
  type: Notification['type'],
  events: Notification['events'],
): string => notificationText({ type, subscription, content, lastEvent, events }, base())
