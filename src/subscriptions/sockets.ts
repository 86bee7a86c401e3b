import type { Subscription } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import { isGranted } from '../access/rules.ts'
import type { FhirError } from '../fhir/error.ts'
import { type Notification, notificationText } from '../interactions/notification.ts'
import type { Asked } from '../interactions/subscription-asked.ts'
import { takeBinding } from '../storage/binding-token.ts'
import { hearNotices, type Notice } from '../storage/notice.ts'
import { findSubscriber, type Subscriber } from '../storage/subscriber.ts'
import { eventsIn } from '../storage/subscription-event.ts'
import { findCaller } from '../storage/token.ts'
import { questionOf, type Serving } from './serve.ts'

/** One end of a websocket; whoever brings it tells what comes in, and that it has gone. */
type Socket = { readonly send: (text: string) => void; readonly close: (reason: string) => void }

export type Sockets = {
  /** `bearer`: the token of the upgrade, where there was one. */
  readonly open: (socket: Socket, bearer: string | undefined) => Connected
  readonly close: () => Promise<void>
}

type Connected = { readonly receive: (text: string) => Promise<void>; readonly end: () => void }

/** The Subscription as the caller of a token may read it. */
export type ReadAs = (caller: Caller, id: string) => Promise<Subscription>

type Options = Omit<Serving, 'openStoreAs'> & {
  readonly databaseUrl: string
  readonly readAs: ReadAs
}

type Connection = {
  readonly socket: Socket
  readonly bearer: string | undefined
  /** How each Subscription was bound. */
  readonly bound: Map<string, 'by-id' | 'by-token'>
}

/** https://hl7.org/fhir/R4/subscription.html#2.46.7.2, and the topic form of the same. Only a Subscription's creator binds it. */
export const openSockets = (options: Options): Sockets => {
  const connections = new Set<Connection>()
  const hear = (notice: Notice) => {
    for (const connection of connections)
      if (connection.bound.has(notice.id)) tell(options, connection, notice).catch(options.reportFault)
  }
  const notices = hearNotices(options.databaseUrl, hear, options.reportFault)
  const watching = setInterval(() => {
    for (const connection of connections) checkStill(options, connection).catch(options.reportFault)
  }, checkedEveryMs)
  return {
    open: (socket, bearer) => {
      if (connections.size >= mostConnections) socket.close('There are too many connections; try again later')
      const connection: Connection = { socket, bearer, bound: new Map() }
      connections.add(connection)
      const idle = setTimeout(() => {
        if (connection.bound.size === 0) socket.close('Nothing was bound')
      }, idleMs)
      return {
        receive: text => receive(options, connection, text),
        end: () => {
          clearTimeout(idle)
          connections.delete(connection)
        },
      }
    },
    close: async () => {
      clearInterval(watching)
      for (const { socket } of connections) socket.close('The server is stopping')
      await notices.close()
    },
  }
}

const checkedEveryMs = 5000
const idleMs = 60_000
const mostBound = 100
const mostConnections = 5000

const receive = async (options: Options, connection: Connection, text: string): Promise<void> => {
  const [, command, argument = ''] = /^(bind|bind-with-token) ([A-Za-z0-9._-]{1,64})$/.exec(text.trim()) ?? []
  if (command === undefined) return connection.socket.close('A message is "bind <id>", or "bind-with-token <token>"')
  return command === 'bind' ? bind(options, connection, argument) : bindByToken(options, connection, argument)
}

/** What another may not see is answered as what is not there. */
const bind = async (options: Options, { socket, bearer, bound }: Connection, id: string): Promise<void> => {
  const caller = bearer === undefined ? undefined : await findCaller(options.database, bearer)
  if (caller === undefined) return socket.close('bind needs the request of the websocket to have a bearer token')
  const subscription = await options.readAs(caller, id).catch((error: FhirError) => error.status)
  if (typeof subscription === 'number') return socket.close(`Subscription/${id} is not known`)
  if (!isBindable(subscription) || bound.size >= mostBound)
    return socket.close(`Subscription/${id} is not active, or has another channel than websocket`)
  bound.set(id, 'by-id')
  socket.send(`bound ${id}`)
}

const isBindable = ({ status, channel }: Subscription): boolean => status === 'active' && channel.type === 'websocket'

const bindByToken = async (options: Options, { socket, bound }: Connection, token: string): Promise<void> => {
  const ids = await takeBinding(options.database, token)
  if (ids.length === 0) return socket.close('The binding token is not known, or was used before')
  for (const id of ids.slice(0, mostBound - bound.size)) {
    const subscriber = await findSubscriber(options.database, id)
    const question = subscriber === undefined ? undefined : questionOf(options, subscriber)
    if (subscriber === undefined || question === undefined || !isBindable(subscriber.subscription)) continue
    bound.set(id, 'by-token')
    socket.send(textOf(options, subscriber, question, 'handshake', []))
  }
}

/** As far as both the token of the socket and that of the Subscription are in force. */
const tell = async (options: Options, connection: Connection, { id, after, until }: Notice): Promise<void> => {
  if (!(await checkStill(options, connection))) return
  const { socket, bound } = connection
  const subscriber = await findSubscriber(options.database, id)
  const question = subscriber === undefined ? undefined : questionOf(options, subscriber)
  const how = bound.get(id)
  if (subscriber === undefined || question === undefined || how === undefined) return
  const range = { after, until, limit: question.maxCount, whole: question.content === 'full-resource' }
  const events = await eventsIn(options.database, options.classes, question, id, range)
  const seen = events.filter(({ focus }) => focus !== undefined)
  if (until > after && seen.length === 0) return
  if (how === 'by-id' && !question.isOfTopic) return seen.length === 0 ? undefined : socket.send(`ping ${id}`)
  socket.send(textOf(options, subscriber, question, until > after ? 'event-notification' : 'heartbeat', seen))
}

const textOf = (
  { base }: Options,
  { subscription, lastEvent }: Subscriber,
  { content }: Asked,
  type: Notification['type'],
  events: Notification['events'],
): string => notificationText({ type, subscription, content, lastEvent, events }, base())

/** Closes what is bound by a token that is no longer in force, and says whether it is. */
const checkStill = async (options: Options, { socket, bearer, bound }: Connection): Promise<boolean> => {
  const isByBearer = [...bound.values()].includes('by-id')
  const isInForce = !isByBearer || (bearer !== undefined && (await findCaller(options.database, bearer)) !== undefined)
  if (!isInForce) {
    socket.close('The token is no longer in force')
    return false
  }
  for (const id of bound.keys()) {
    const subscriber = await findSubscriber(options.database, id)
    if (subscriber?.caller !== undefined && !subscriber.hasEnded && isStillGranted(options, subscriber)) continue
    bound.delete(id)
    if (bound.size === 0) socket.close(`Subscription/${id} has ended`)
  }
  return bound.size > 0
}

const isStillGranted = ({ accessFor }: Options, { caller }: Subscriber): boolean =>
  caller !== undefined && isGranted(accessFor(caller), 'r', 'Subscription')
