import pg from 'pg'
import type { Connection } from '../database.ts'
import { endedBySilence } from '../postgres/silence.ts'
import { sql } from '../sql.ts'

/** Events of a Subscription by websocket are there, between two numbers: ids only, for whichever server has the socket. */
export type Notice = { readonly id: string; readonly after: number; readonly until: number }

export const giveNotice = async (connection: Connection, notice: Notice): Promise<void> => {
  await connection.run(sql.fragment`SELECT pg_notify('subscription', ${JSON.stringify(notice)})`)
}

type Hearing = {
  readonly hear: (notice: Notice) => void
  /** From now on all are heard; before, some may have been given that were not. */
  readonly missed: () => void
  readonly reportFault: (fault: unknown) => void
}

/** Hears the notices of all servers on a connection of its own, which is made again where it breaks. */
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
