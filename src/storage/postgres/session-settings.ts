/** Of no meaning to PostgreSQL. A session that does not have it has none of our settings: a pooler may leave them out, and say nothing. */
export const mark = 'sharewell.settled'

/**
 * What our SQL and our reading of its results take for granted. A role or a database may have it otherwise (`ALTER ROLE … SET`), and a server its own
 * defaults. A session that is idle is ours to keep: one listens, and the pools have others ready.
 *
 * If the machine of a server fails, its sessions, and all that they have locked, end after some forty seconds: a session that is idle when it does not
 * answer, and one whose answer nobody takes. By themselves most systems ask after two hours, and send an answer again for a quarter of an hour. A
 * statement that runs ends by its own timeout, and only then is it noticed: `client_connection_check_interval` would not notice it earlier, since a
 * machine that has failed does not say so.
 */
export const takenForGranted = {
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '40000',
  [mark]: 'on',
}

/**
 * The URL of the same database whose sessions begin with these settings. What its `options` say already holds for all others. They have to be in the
 * URL, since pg takes the options of a URL instead of those that stand beside it.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
 */
export const withSettings = (url: string, settings: Readonly<Record<string, string>>): string => {
  const settled = new URL(url)
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${escaped(value)}`)
  settled.searchParams.set('options', [settled.searchParams.get('options') ?? [], ...options].flat().join(' '))
  return settled.href
}

const escaped = (value: string): string => value.replace(/[\\ ]/g, '\\$&')
