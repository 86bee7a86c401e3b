import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { atIntervals } from '../../events/at-intervals.ts'
import { startError } from '../../start-error.ts'
import { endedBySilence } from './silence.ts'

/** What must be the same in all servers that run on a database at the same moment. */
export type Alike = {
  /** Stands in the links of all messages. */
  readonly address: string
  /** How messages are sent, as an operator knows it. */
  readonly ways: string
}

type Waiting = {
  readonly tries: number
  readonly pauseMs: number
  /** Between two looks whether others can still see this server: its connection may have ended. */
  readonly lookMs?: number
}

/**
 * Servers of one database share its background work, and whichever looks first sends a message: one that shows messages to its own machine, say, would
 * take them from those that send them. So a server that is not like those that run already does not start: it waits a while for them to end, as in a
 * restart, and then throws a start error that names one of them. Afterwards others see it until it closes, or ends in whatever way.
 */
export const joinServers = async (
  url: string,
  alike: Alike,
  { tries, pauseMs, lookMs = 15_000 }: Waiting = { tries: 5, pauseMs: 1000 },
): Promise<{ readonly close: () => Promise<void> }> => {
  let seen: pg.Client | undefined
  const beSeen = async (): Promise<pg.Client> => {
    const client = await openClient(url, alike)
    client.on('end', () => {
      if (seen === client) seen = undefined
    })
    try {
      await client.query('SELECT pg_advisory_lock_shared($1, hashtext($2))', [servers, textOf(alike)])
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
    return client
  }
  seen = await beSeen()
  for (let left = tries; ; left -= 1) {
    const other = await findOther(seen, alike)
    if (other === undefined) break
    await seen.end()
    if (left <= 1) throw startError(refusal(other, alike))
    // Two that start at the same moment must not wait for each other without end.
    await pause(randomInt(pauseMs >> 1, pauseMs + 1))
    seen = await beSeen()
  }
  const again = async () => {
    seen ??= await beSeen()
  }
  // That the database is away is told by whoever needs it.
  const looking = atIntervals(again, { pauseMs: lookMs, reportFault: () => {} })
  const leave = async () => {
    await looking.close()
    await seen?.end()
  }
  return { close: () => Promise.race([leave(), pause(leavingMs, undefined, { ref: false })]) }
}

/** A database that hangs holds up nobody who stops. */
const leavingMs = 1000

const openClient = async (url: string, { address }: Pick<Alike, 'address'>): Promise<pg.Client> => {
  const client = new pg.Client({
    connectionString: url,
    application_name: nameOf(address),
    connectionTimeoutMillis: 10_000,
    ...endedBySilence(60_000),
  })
  // Without this listener, the process would end with a stack trace if the database goes away.
  client.on('error', () => {})
  await client.connect()
  return client
}

type Other = { readonly name: string | null; readonly since: Date | null }

const findOther = async (client: pg.Client, alike: Alike): Promise<Other | undefined> => {
  const { rows } = await client.query<Other>(
    `SELECT a.application_name AS name, a.backend_start AS since
     FROM   pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE  l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objsubid = 2
       AND  l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND  l.objid <> hashtext($2)::oid
     LIMIT  1`,
    [servers, textOf(alike)],
  )
  return rows[0]
}

const refusal = ({ name, since }: Other, { address, ways }: Alike): string => {
  const other = name?.startsWith(named) ? ` at ${name.slice(named.length)}` : ''
  const time = since === null ? '' : `, since ${since.toISOString()}`
  const difference =
    name === nameOf(address)
      ? `it sends messages in other ways than this one (${ways}), and messages of this one would go by either: stop it first, or set SMTP_URL, TWILIO_ACCOUNT_SID and SMS_GATEWAY_URL as it has them`
      : `messages of either would lead to ${address} or to the other: stop it first, or set BASE_URL to its address`
  return `Another Sharewell${other} uses this database${time}, and ${difference}`
}

/** PostgreSQL would cut off the rest itself, and say so in its log. */
const nameOf = (address: string): string => `${named}${address}`.slice(0, 63)

const textOf = ({ address, ways }: Alike): string => JSON.stringify([address, ways])

const named = 'sharewell at '
/** Keeps it apart from all other advisory locks: any of its number is taken for a server. */
const servers = 0x5a80
