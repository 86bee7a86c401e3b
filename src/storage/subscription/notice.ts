import pg from 'pg'
import type { Connection } from '../database.ts'
import { endedBySilence } from '../postgres/silence.ts'
import { sql } from '../sql.ts'

/** Says that a Subscription by websocket has events between two numbers. Only ids, for whichever server has the socket. */
export type Notice = { readonly id: string; readonly after: number; readonly until: number }

export const giveNotice = async (connection: Connection, notice: Notice): Promise<void> => {
  await connection.run(sql.fragment`SELECT pg_notify('subscription', ${JSON.stringify(notice)})`)
}

type Hearing = {
  readonly hear: (notice: Notice) => void
  /** Called when a connection was made: notices that were given before then may have been missed. */
  readonly missed: () => void
  readonly reportFault: (fault: unknown) => void
}

/** Hears the notices of all servers, on a connection of its own, which is made again if it breaks. */
export const hearNotices = (
  url: string,
  { hear, missed, reportFault }: Hearing,
): { readonly close: () => Promise<void> } => {
  let client: pg.Client | undefined
  let isClosed = false
  const connect = async (): Promise<void> => {
    client = new pg.Client({
      connectionString: url,
      application_name: 'sharewell notices',
      connectionTimeoutMillis: 10_000,
      ...endedBySilence(60_000),
    })
    client.on('error', () => {})
    client.on('end', () => again())
    client.on('notification', ({ payload = '' }) => hear(JSON.parse(payload)))
    await client.connect()
    await client.query('LISTEN subscription')
    missed()
  }
  const again = () => {
    if (!isClosed) setTimeout(() => connecting(), 1000).unref()
  }
  const connecting = () => {
    if (isClosed) return
    connected = connect().catch(fault => {
      if (!isClosed) reportFault(fault)
      // Nobody would listen on a connection on which that was refused.
      client?.end().catch(() => {})
    })
  }
  let connected: Promise<void> = Promise.resolve()
  connecting()
  return {
    close: async () => {
      isClosed = true
      await connected
      await client?.end().catch(() => {})
    },
  }
}
