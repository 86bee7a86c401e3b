import type { Subscription } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import { isGranted } from '../access/rules.ts'
import { atIntervals } from '../events/at-intervals.ts'
import type { FhirError } from '../fhir/error.ts'
import { type Notification, notificationText } from '../interactions/subscription/notification.ts'
import type { SubscriptionAsked } from '../interactions/subscription/subscription-asked.ts'
import { findCaller } from '../storage/authorization/token.ts'
import { type Holder, isHolderOver, takeBinding } from '../storage/subscription/binding-token.ts'
import { hearNotices, type Notice } from '../storage/subscription/notice.ts'
import { findSubscriber, type Subscriber, writtenAlike } from '../storage/subscription/subscriber.ts'
import { eventsIn } from '../storage/subscription/subscription-event.ts'
import { oneByOne } from './one-by-one.ts'
import { fociOf, questionOf, type Serving } from './serve.ts'

/** One end of a websocket. Whoever opens it reports what comes in, and when it is gone. */
type Socket = {
  /** Returns once the network has accepted it, so that no more than one message is kept in memory for a client that does not read. */
  readonly send: (text: string) => Promise<void>
  readonly close: (reason: string, why?: Closing) => void
}

/** Whether it is refused, or may try again. */
export type Closing = 'refused' | 'later'

export type Sockets = {
  /** `bearer`: the token of the request that opened it, if there was one. */
  readonly open: (socket: Socket, bearer: string | undefined) => Connected
  readonly close: () => Promise<void>
}

type Connected = { readonly receive: (text: string) => Promise<void>; readonly end: () => void }

/** The Subscription as the caller of a token may read it. */
export type ReadAs = (caller: Caller, id: string) => Promise<Subscription>

type Options = Omit<Serving, 'openStoreAs'> & {
  readonly databaseUrl: string
  readonly readAs: ReadAs
  /** Between two checks of whether what is bound may still be bound. */
  readonly checkMs?: number
}

type Connection = {
  readonly socket: Socket
  readonly bearer: string | undefined
  readonly bound: Map<string, Bound>
  readonly hear: (notice: Notice) => void
}

/** How a Subscription was bound, and the rights of the token with which it had been written then. */
type Bound = { readonly rights: string; readonly whose: string } & (
  | { readonly how: 'by-id' }
  | { readonly how: 'by-token'; readonly holder: Holder }
)

/** https://hl7.org/fhir/R4/subscription.html#2.46.7.2, and the same for topics. Only its creator can bind a Subscription. */
export const openSockets = (options: Options): Sockets => {
  const connections = new Set<Connection>()
  const hear = (notice: Notice) => {
    for (const connection of connections) if (connection.bound.has(notice.id)) connection.hear(notice)
  }
  const missed = () => {
    for (const { bound, socket } of connections) if (bound.size > 0) socket.close(mayBeMissed, 'later')
  }
  const notices = hearNotices(options.databaseUrl, { hear, missed, reportFault: options.reportFault })
  // One after another, since notifications need the database at the same time.
  const check = async (closing: AbortSignal): Promise<void> => {
    for (const connection of [...connections]) {
      if (closing.aborted) return
      if (connections.has(connection)) await checkStill(options, connection).catch(options.reportFault)
    }
  }
  const checking = atIntervals(check, { pauseMs: options.checkMs ?? 5000, reportFault: options.reportFault })
  return {
    open: (socket, bearer) => {
      const close: Socket['close'] = (reason, why) => {
        connections.delete(connection)
        socket.close(reason, why)
      }
      const notices = oneByOne<Notice>(
        async notice => {
          if (connections.has(connection)) await tell(options, connection, notice)
        },
        { mostWaiting: mostNotices },
      )
      const hear = (notice: Notice) => {
        if (!notices.hasRoom()) return close('Too much was not read; $events tells it again', 'later')
        notices.take(notice).catch(fault => {
          options.reportFault(fault)
          close(mayBeMissed, 'later')
        })
      }
      const connection: Connection = { socket: { ...socket, close }, bearer, bound: new Map(), hear }
      connections.add(connection)
      if (connections.size > mostConnections) makeRoom(connections)
      const idle = setTimeout(() => {
        if (connection.bound.size === 0) close('Nothing was bound')
      }, idleMs).unref()
      const messages = oneByOne<string>(
        async text => {
          if (connections.has(connection)) await receive({ ...options, connections }, connection, text)
        },
        { mostWaiting: mostMessages },
      )
      return {
        receive: async text => {
          if (!connections.has(connection)) return
          if (!messages.hasRoom()) return close('Too many messages at once')
          await messages.take(text)
        },
        end: () => {
          clearTimeout(idle)
          connections.delete(connection)
        },
      }
    },
    close: async () => {
      for (const { socket } of connections) socket.close('The server is stopping')
      await checking.close()
      await notices.close()
    },
  }
}

const mayBeMissed = 'Something may not have been told; $events tells it'
const idleMs = 60_000
const mostBound = 100
const mostMessages = 100
/** They are only numbers: the events are read when their turn comes. */
const mostNotices = 1000
/** Nobody has more windows open. */
const mostOfOne = 20
const mostOfPerson = 50
const mostConnections = 5000

/** A connection that has bound nothing may be anybody's: the oldest of these is closed, so that they cannot keep others out. */
const makeRoom = (connections: ReadonlySet<Connection>): void => {
  const all = [...connections]
  const last = all.find(({ bound }) => bound.size === 0) ?? all.at(-1)
  last?.socket.close('There are too many connections; try again later')
}

type Receiving = Options & { readonly connections: ReadonlySet<Connection> }

const receive = async (options: Receiving, connection: Connection, text: string): Promise<void> => {
  const [, command, argument = ''] = /^(bind|bind-with-token) ([A-Za-z0-9._-]{1,64})$/.exec(text.trim()) ?? []
  if (command === undefined) return connection.socket.close('A message is "bind <id>", or "bind-with-token <token>"')
  return command === 'bind' ? bind(options, connection, argument) : bindByToken(options, connection, argument)
}

/** Somebody else's Subscription is answered as if it did not exist. */
const bind = async (options: Receiving, connection: Connection, id: string): Promise<void> => {
  const { socket, bearer, bound } = connection
  const caller = bearer === undefined ? undefined : await findCaller(options.database, bearer)
  if (caller === undefined) return socket.close('bind needs the request of the websocket to have a bearer token')
  const subscription = await options.readAs(caller, id).catch((error: FhirError) => error.status)
  if (typeof subscription === 'number') return socket.close(`Subscription/${id} is not known`)
  if (!isBindable(subscription) || bound.size >= mostBound)
    return socket.close(`Subscription/${id} is not active, or has another channel`)
  const subscriber = await findSubscriber(options.database, id)
  if (subscriber === undefined || (await writtenAlike(options.database, [id], caller.tokenHash)).length === 0)
    return socket.close(`Subscription/${id} was written with another client or scopes`)
  const whose = whoseIs(subscriber)
  if (!hasRoom(options.connections, connection, { id, whose }))
    return socket.close(`Subscription/${id} has too many websockets`)
  bound.set(id, { how: 'by-id', rights: subscriber.rights, whose })
  await socket.send(`bound ${id}`)
}

const whoseIs = ({ caller }: Subscriber): string => `${caller?.principal.kind}/${caller?.principal.id}`

/** Whether there may be one more connection for the Subscription, and for the person or client. */
const hasRoom = (
  connections: ReadonlySet<Connection>,
  own: Connection,
  { id, whose }: { readonly id: string; readonly whose: string },
): boolean => {
  const others = [...connections].filter(one => one !== own)
  const ofPerson = others.filter(({ bound }) => bound.values().some(one => one.whose === whose))
  return ofPerson.length < mostOfPerson && others.filter(({ bound }) => bound.has(id)).length < mostOfOne
}

const isBindable = ({ status, channel }: Subscription): boolean => status === 'active' && channel.type === 'websocket'

const bindByToken = async (options: Receiving, connection: Connection, token: string): Promise<void> => {
  const { socket, bound } = connection
  const { holder, ids } = (await takeBinding(options.database, token)) ?? { ids: [] }
  if (holder === undefined || ids.length === 0) return socket.close(nothingBound)
  for (const id of ids.slice(0, mostBound - bound.size)) {
    const subscriber = await findSubscriber(options.database, id)
    const question = subscriber === undefined ? undefined : questionOf(options, subscriber)
    if (subscriber === undefined || question === undefined || !isBindable(subscriber.subscription)) continue
    const whose = whoseIs(subscriber)
    if (!hasRoom(options.connections, connection, { id, whose }))
      return socket.close(`Subscription/${id} has too many websockets`)
    bound.set(id, { how: 'by-token', rights: subscriber.rights, whose, holder })
    await socket.send(textOf(options, subscriber, question, 'handshake', []))
  }
  if (bound.size === 0) socket.close(nothingBound)
}

const nothingBound = 'The binding token is not known, was used before, or binds nothing any more'

/** Only while the tokens of the socket and of the Subscription are both in force. */
const tell = async (options: Options, connection: Connection, { id, after, until }: Notice): Promise<void> => {
  if (!(await checkStill(options, connection))) return
  const { socket, bound } = connection
  const subscriber = await findSubscriber(options.database, id)
  const question = subscriber === undefined ? undefined : questionOf(options, subscriber)
  const how = bound.get(id)?.how
  if (subscriber === undefined || question === undefined || how === undefined) return
  const range = { after, until, limit: question.maxCount, whole: question.content === 'full-resource' }
  const events = await eventsIn(options.database, options.classes, question, id, range)
  const seen = events.filter(({ focus }) => focus !== undefined)
  if (until > after && seen.length === 0) return
  await options.recordTold(subscriber.caller, fociOf(seen))
  if (how === 'by-id' && !question.isOfTopic) return seen.length === 0 ? undefined : socket.send(`ping ${id}`)
  await socket.send(textOf(options, subscriber, question, until > after ? 'event-notification' : 'heartbeat', seen))
}

const textOf = (
  { base }: Options,
  { subscription, lastEvent }: Subscriber,
  { content }: SubscriptionAsked,
  type: Notification['type'],
  events: Notification['events'],
): string => notificationText({ type, subscription, content, lastEvent, events }, base())

/** Ends what is bound by a token that is no longer in force, and answers whether anything is left. */
const checkStill = async (options: Options, { socket, bearer, bound }: Connection): Promise<boolean> => {
  const isByBearer = [...bound.values()].some(({ how }) => how === 'by-id')
  const isInForce = !isByBearer || (bearer !== undefined && (await findCaller(options.database, bearer)) !== undefined)
  if (!isInForce) {
    socket.close('The token is no longer in force')
    return false
  }
  for (const [id, one] of bound) {
    const isOver = one.how === 'by-token' && (await isHolderOver(options.database, one.holder))
    const subscriber = isOver ? undefined : await findSubscriber(options.database, id)
    if (subscriber !== undefined && subscriber.rights === one.rights && isStillGranted(options, subscriber)) continue
    bound.delete(id)
    if (bound.size === 0) socket.close(`Subscription/${id} has ended`)
  }
  return bound.size > 0
}

const isStillGranted = ({ accessFor }: Options, { caller, hasEnded }: Subscriber): boolean =>
  caller !== undefined && !hasEnded && isGranted(accessFor(caller), 'r', 'Subscription')
