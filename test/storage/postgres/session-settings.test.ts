import pg from 'pg'
import t from 'tap'
import { readConfig } from '../../../src/config.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { migrate } from '../../../src/storage/postgres/migrate.ts'
import { openPostgres } from '../../../src/storage/postgres/postgres.ts'
import { withSettings } from '../../../src/storage/postgres/session-settings.ts'
import { sql } from '../../../src/storage/sql.ts'
import { withBareDatabase, withDatabase } from '../../support/database.ts'
import { openWire } from '../../support/wire.ts'

const query = async (url: string, text: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

/** As an operator may have set them for other programs that use the same database or role. */
const otherwise = {
  standard_conforming_strings: 'off',
  default_transaction_isolation: 'serializable',
  datestyle: 'German, DMY',
  intervalstyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '0',
  array_nulls: 'off',
  statement_timeout: '100ms',
  lock_timeout: '50ms',
  idle_session_timeout: '1s',
  timezone: 'Asia/Kolkata',
  jit: 'on',
}

const withOtherSettings = async (database = withBareDatabase) => {
  const { url, close } = await database()
  t.teardown(close)
  const name = new URL(url).pathname.slice(1)
  for (const [setting, value] of Object.entries(otherwise))
    await query(url, `ALTER DATABASE "${name}" SET ${setting} = ${pg.escapeLiteral(value)}`)
  return url
}

t.test('a database that is set up for other programs gets the same tables as any', async t => {
  const usual = await withDatabase()
  t.teardown(usual.close)
  const url = await withOtherSettings()
  const postgres = await openPostgres(readConfig({ DATABASE_URL: url }), () => {})
  await migrate(postgres.url, () => {})

  const tables = `SELECT table_name AS "table", column_name AS "column", data_type AS type, column_default AS otherwise
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`
  t.same(await query(postgres.url, tables), await query(usual.url, tables))
})

t.test('what is read from such a database is what was written', async t => {
  const { url } = await openPostgres(readConfig({ DATABASE_URL: await withOtherSettings() }), () => {})
  const database = openDatabase(url)
  t.teardown(() => database.close())
  const values = {
    moment: new Date('2026-03-04T05:06:07.008Z'),
    bytes: Buffer.from([0, 39, 92, 255]),
    number: 0.1 + 0.2,
    texts: ['a\\b', null],
    level: 'read committed',
  }
  t.same(
    await database.transaction(connection =>
      connection.one(sql.fragment`SELECT ${values.moment.toISOString()}::timestamptz AS moment, '\\x00275cff'::bytea AS bytes,
        ${values.number}::float8 AS number, '{"a\\\\b",NULL}'::text[] AS texts, current_setting('transaction_isolation') AS level`),
    ),
    values,
  )
})

const withParameters = (url: string, parameters: Readonly<Record<string, string>>): string => {
  const longer = new URL(url)
  for (const [name, value] of Object.entries(parameters)) longer.searchParams.set(name, value)
  return longer.href
}

t.test('the sessions of a server whose machine fails do not keep their locks for hours', async t => {
  const { url, close } = await withBareDatabase()
  t.teardown(close)
  const postgres = await openPostgres(readConfig({ DATABASE_URL: url }), () => {})
  t.same(
    await query(
      postgres.url,
      `SELECT name, reset_val AS setting FROM pg_settings WHERE name LIKE 'tcp%' ORDER BY name`,
    ),
    [
      { name: 'tcp_keepalives_count', setting: '3' },
      { name: 'tcp_keepalives_idle', setting: '10' },
      { name: 'tcp_keepalives_interval', setting: '10' },
      { name: 'tcp_user_timeout', setting: '40000' },
    ],
  )
})

t.test('options in the URL of a database hold beside ours', async t => {
  const { url, close } = await withBareDatabase()
  t.teardown(close)
  const asked = withParameters(url, { application_name: 'of the operator', options: '-c search_path=theirs -c jit=on' })
  const shown = (of: string) =>
    query(
      of,
      `SELECT name, setting FROM pg_settings
    WHERE name IN ('application_name', 'search_path', 'jit', 'default_transaction_isolation') ORDER BY name`,
    )
  t.same(await shown(withSettings(asked, { jit: 'off', default_transaction_isolation: 'repeatable read' })), [
    { name: 'application_name', setting: 'of the operator' },
    { name: 'default_transaction_isolation', setting: 'repeatable read' },
    { name: 'jit', setting: 'off' },
    { name: 'search_path', setting: 'theirs' },
  ])

  const database = openDatabase(asked)
  t.teardown(() => database.close())
  t.same(
    await database.one(sql.fragment`SELECT current_setting('search_path') AS path, current_setting('timezone') AS zone,
      current_setting('lock_timeout') AS lock`),
    { path: 'theirs', zone: 'UTC', lock: '20s' },
  )
})

t.test('a database in which not every text has a place is refused at the start', async t => {
  const { url, close } = await withBareDatabase()
  t.teardown(close)
  const latin = new URL(url)
  latin.pathname += '_latin'
  const name = latin.pathname.slice(1)
  await query(url, `CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`)
  t.teardown(() => query(url, `DROP DATABASE "${name}"`))
  await t.rejects(
    openPostgres(readConfig({ DATABASE_URL: latin.href }), () => {}),
    {
      message: `DATABASE_URL: the database ${name} has the encoding LATIN1, and UTF8 is needed: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    },
  )
})

t.test('a pooler that leaves out the settings of a session is refused at the start', async t => {
  const { url, close } = await withBareDatabase()
  t.teardown(close)
  const { address, end } = await openWire(url, (near, far) => {
    far.pipe(near)
    near.once('data', startup => {
      far.write(withoutOptions(startup))
      near.pipe(far)
    })
  })
  t.teardown(end)
  await t.rejects(
    openPostgres(readConfig({ DATABASE_URL: address }), () => {}),
    {
      message:
        'DATABASE_URL: what stands before PostgreSQL, such as PgBouncer, does not pass on the settings of a session: name PostgreSQL itself',
    },
  )
})

/** https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-STARTUPMESSAGE */
const withoutOptions = (startup: Buffer): Buffer => {
  const parts = startup.subarray(8, -1).toString().split('\0').slice(0, -1)
  const at = parts.indexOf('options')
  const body = Buffer.from(`${parts.toSpliced(at, 2).join('\0')}\0\0`)
  const head = Buffer.from(startup.subarray(0, 8))
  head.writeInt32BE(head.length + body.length)
  return Buffer.concat([head, body])
}
