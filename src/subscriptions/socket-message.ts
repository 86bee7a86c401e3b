import type { Subscription } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import { unlessRefused } from '../fhir/error.ts'
import { findCaller } from '../storage/authorization/token.ts'
import { settledTransaction } from '../storage/settled-transaction.ts'
import { takeBinding } from '../storage/subscription/binding-token.ts'
import { findSubscriber, rightsOfToken, type Subscriber } from '../storage/subscription/subscriber.ts'
import type { Connection } from './connection.ts'
import { questionOf, type Serving } from './serve.ts'
import { textOf } from './socket-notice.ts'

/** The Subscription as the caller of a token may read it. */
export type ReadAs = (caller: Caller, id: string) => Promise<Subscription>

export type Receiving = Omit<Serving, 'openStoreAs'> & {
  readonly readAs: ReadAs
  /** All that are open, this one too. */
  readonly connections: ReadonlySet<Connection>
}

/** A message binds one Subscription, or several by a token; anything else closes the websocket. */
export const receive = async (options: Receiving, connection: Connection, text: string): Promise<void> => {
  const [, command, argument = ''] = /^(bind|bind-with-token) ([A-Za-z0-9._-]{1,64})$/.exec(text.trim()) ?? []
  if (command === undefined) return connection.socket.close('A message is "bind <id>", or "bind-with-token <token>"')
  return command === 'bind' ? bind(options, connection, argument) : bindByToken(options, connection, argument)
}

/** Somebody else's Subscription is answered as if it did not exist. */
const bind = async (options: Receiving, connection: Connection, id: string): Promise<void> => {
  const { socket, bearer, bound } = connection
  if (bearer === undefined) return socket.close('bind needs the request of the websocket to have a bearer token')
  const caller = await findCaller(options.database, bearer)
  if (caller === undefined) return socket.close('The bearer token of the websocket is no longer in force')
  const subscription = await unlessRefused(() => options.readAs(caller, id))
  if (subscription === undefined) return socket.close(`Subscription/${id} is not known`)
  if (!isBindable(subscription) || bound.size >= mostBound)
    return socket.close(`Subscription/${id} is not active, or has another channel`)
  const subscriber = await findSubscriber(options.database, id)
  if (subscriber === undefined || subscriber.rights !== (await rightsOfToken(options.database, caller.tokenHash)))
    return socket.close(`Subscription/${id} was written with another client or scopes`)
  const whose = whoseIs(subscriber)
  if (!hasRoom(options.connections, connection, { id, whose }))
    return socket.close(`Subscription/${id} has too many websockets`)
  bound.set(id, { how: 'by-id', rights: subscriber.rights, whose })
  await socket.send(`bound ${id}`)
}

const isBindable = ({ status, channel }: Subscription): boolean => status === 'active' && channel.type === 'websocket'

const mostBound = 100

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

/** Nobody has more windows open. */
const mostOfOne = 20
const mostOfPerson = 50

const bindByToken = async (options: Receiving, connection: Connection, token: string): Promise<void> => {
  const { socket, bound } = connection
  const { holder, subscribers } = await take(options, token, mostBound - bound.size)
  if (holder === undefined) return socket.close(nothingBound)
  let isBound = false
  for (const subscriber of subscribers) {
    const question = questionOf(options, subscriber)
    if (question === undefined || !isBindable(subscriber.subscription)) continue
    const { id } = subscriber
    const whose = whoseIs(subscriber)
    if (!hasRoom(options.connections, connection, { id, whose }))
      return socket.close(`Subscription/${id} has too many websockets`)
    bound.set(id, { how: 'by-token', rights: subscriber.rights, whose, holder })
    isBound = true
    await socket.send(textOf(options, subscriber, question, 'handshake', []))
  }
  if (!isBound) socket.close(nothingBound)
}

/** The first of those that the token binds. It is used up only together with all that has to be known to bind by it. */
const take = ({ database }: Receiving, token: string, most: number) =>
  settledTransaction(database, async within => {
    const { holder, ids } = (await takeBinding(within, token)) ?? { ids: [] }
    const rights = await rightsOfToken(within, holder?.hash)
    const subscribers: Subscriber[] = []
    for (const id of ids.slice(0, most)) {
      const found = await findSubscriber(within, id)
      // With another token it may have been written since it was asked for.
      if (found !== undefined && found.rights === rights) subscribers.push(found)
    }
    return { holder: ids.length === 0 ? undefined : holder, subscribers }
  })

const nothingBound = 'The binding token is not known, was used before, or binds nothing any more'
