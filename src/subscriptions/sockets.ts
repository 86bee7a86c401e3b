import { atIntervals } from '../events/at-intervals.ts'
import { hearNotices, type Notice } from '../storage/subscription/notice.ts'
import type { Connection, Socket } from './connection.ts'
import { oneByOne } from './one-by-one.ts'
import { type Receiving, receive } from './socket-message.ts'
import { tell } from './socket-notice.ts'
import { checkStill } from './still-bound.ts'

export type Sockets = {
  /** `bearer`: the token of the request that opened it, if there was one. */
  readonly open: (socket: Socket, bearer: string | undefined) => Connected
  readonly close: () => Promise<void>
}

type Connected = { readonly receive: (text: string) => Promise<void>; readonly end: () => void }

type Options = Omit<Receiving, 'connections'> & {
  readonly databaseUrl: string
  /** Between two checks of whether what is bound may still be bound. */
  readonly checkMs?: number
}

/** https://hl7.org/fhir/R4/subscription.html#2.46.7.2, and the same for topics. Only its creator can bind a Subscription. */
export const openSockets = ({ databaseUrl, checkMs = 5000, ...parts }: Options): Sockets => {
  const connections = new Set<Connection>()
  const opened = { ...parts, connections }
  const { reportFault } = parts
  const notices = hearNotices(databaseUrl, { ...hearingFor(connections), reportFault })
  const checking = atIntervals(closing => checkAll(opened, closing), { pauseMs: checkMs, reportFault })
  return {
    open: (socket, bearer) => connect(opened, socket, bearer),
    close: async () => {
      for (const { socket } of connections) socket.close('The server is stopping')
      await checking.close()
      await notices.close()
    },
  }
}

/** Passes each notice on to whoever has bound its Subscription. */
const hearingFor = (connections: ReadonlySet<Connection>) => ({
  hear: (notice: Notice) => {
    for (const connection of connections) if (connection.bound.has(notice.id)) connection.hear(notice)
  },
  missed: () => {
    for (const { bound, socket } of connections) if (bound.size > 0) socket.close(mayBeMissed, 'later')
  },
})

const mayBeMissed = 'Something may not have been told; $events tells it'

type Opened = Omit<Receiving, 'connections'> & { readonly connections: Set<Connection> }

/** One after another, since notifications need the database at the same time. */
const checkAll = async (options: Opened, closing: AbortSignal): Promise<void> => {
  const { connections, reportFault } = options
  for (const connection of [...connections]) {
    if (closing.aborted) return
    if (connections.has(connection)) await checkStill(options, connection).catch(reportFault)
  }
}

const connect = (options: Opened, socket: Socket, bearer: string | undefined): Connected => {
  const { connections } = options
  const connection = connectionOf(options, socket, bearer)
  connections.add(connection)
  if (connections.size > mostConnections) makeRoom(connections)
  const idle = setTimeout(() => {
    if (connection.bound.size === 0) connection.socket.close('Nothing was bound')
  }, idleMs).unref()
  const messages = oneByOne<string>(
    async text => {
      if (connections.has(connection)) await receive(options, connection, text)
    },
    { mostWaiting: mostMessages },
  )
  return {
    receive: async text => {
      if (!connections.has(connection)) return
      if (!messages.hasRoom()) return connection.socket.close('Too many messages at once')
      await messages.take(text)
    },
    end: () => {
      clearTimeout(idle)
      connections.delete(connection)
    },
  }
}

const mostConnections = 5000
const idleMs = 60_000
const mostMessages = 100

/** Nothing is told, or done, on a connection after it was closed. */
const connectionOf = (options: Opened, socket: Socket, bearer: string | undefined): Connection => {
  const { connections, reportFault } = options
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
      reportFault(fault)
      close(mayBeMissed, 'later')
    })
  }
  const connection: Connection = { socket: { ...socket, close }, bearer, bound: new Map(), hear }
  return connection
}

/** They are only numbers: the events are read when their turn comes. */
const mostNotices = 1000

/** A connection that has bound nothing may be anybody's: the oldest of these is closed, so that they cannot keep others out. */
const makeRoom = (connections: ReadonlySet<Connection>): void => {
  const all = [...connections]
  const last = all.find(({ bound }) => bound.size === 0) ?? all.at(-1)
  last?.socket.close('There are too many connections; try again later')
}
