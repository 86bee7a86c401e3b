import t from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config.ts'
import { openLog } from '../../../src/events/log.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBreakingWire } from '../../support/wire.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, ann, account, database, signIn, client } = world
t.teardown(() => server.close())

const anns = await signIn(await account(ann))
const app = await client({})
const scopes = ['patient/Patient.rs', 'offline_access']

const codeForm = async () => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(app.id, scopes.join(' '), challenge))
  const code = (await browser.allow(begun.id, anns, { scopes })).searchParams.get('code') ?? ''
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: app.id,
  }
}
const come = { status: 503, headers: { 'retry-after': '2' }, body: { error: 'temporarily_unavailable' } }
const refreshForm = (token: string) => ({ grant_type: 'refresh_token', refresh_token: token })

/** As if the database went away at the next row of the table. */
await database.run(sql.fragment`
  CREATE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'gone' USING ERRCODE = '57P01'; END $$`)
const whileGoneAt = async <T>(table: 'token' | 'authorization_record', run: () => Promise<T>): Promise<T> => {
  const at = sql.identifier([table])
  await database.run(sql.fragment`
    CREATE TRIGGER go_away BEFORE INSERT ON ${at} FOR EACH ROW EXECUTE FUNCTION go_away()`)
  try {
    return await run()
  } finally {
    await database.run(sql.fragment`DROP TRIGGER go_away ON ${at}`)
  }
}

for (const table of ['authorization_record', 'token'] as const)
  t.test(
    `if the database goes away at the ${table}, a code and a refresh token work when they are sent again`,
    async t => {
      const form = await codeForm()
      t.match(await whileGoneAt(table, () => tokenRequest(server, form)), come)
      const given = await tokenRequest(server, form)
      t.match(given, { status: 200, body: { access_token: /./, refresh_token: /./ } })

      const again = refreshForm(given.body.refresh_token)
      t.match(await whileGoneAt(table, () => tokenRequest(server, again)), come)
      const refreshed = await tokenRequest(server, again)
      t.match(refreshed, { status: 200, body: { access_token: /./, refresh_token: /./ } })
      t.match(await tokenRequest(server, refreshForm(refreshed.body.refresh_token)), { status: 200 })

      t.match(await tokenRequest(server, again), { status: 400, body: { error: 'invalid_grant' } }, 'used twice')
    },
  )

t.test(
  'an app whose code or refresh token was redeemed while the connection to the database was lost loses nothing',
  async t => {
    const wire = await openBreakingWire(world.url)
    const breaking = await buildApp({
      config: readConfig({ LOG_LEVEL: 'silent' }),
      log: openLog('silent'),
      databaseUrl: wire.address,
      secretKey: Buffer.alloc(32, 7),
    })
    t.teardown(async () => {
      await breaking.close()
      wire.end()
    })
    const redeemed = { status: 200, body: { access_token: /./, refresh_token: /./ } }

    const form = await codeForm()
    wire.cutBefore('COMMIT')
    t.match(await tokenRequest(breaking, form), come, 'nothing was done')
    wire.cutAt('COMMIT')
    const given = await tokenRequest(breaking, form)
    t.match(given, redeemed, 'it was done, and is answered')

    const again = refreshForm(given.body.refresh_token)
    wire.cutBefore('COMMIT')
    t.match(await tokenRequest(breaking, again), come)
    wire.cutAt('COMMIT')
    const refreshed = await tokenRequest(breaking, again)
    t.match(refreshed, redeemed)
    t.match(await tokenRequest(breaking, refreshForm(refreshed.body.refresh_token)), redeemed)
    t.match(await tokenRequest(breaking, again), { status: 400, body: { error: 'invalid_grant' } }, 'used twice')
  },
)

t.test('introspection while the database is away says when to ask again', async t => {
  await database.run(sql.fragment`ALTER TABLE token RENAME COLUMN expires_at TO ends_at`)
  await database.run(sql.fragment`INSERT INTO migration (number, name, checksum) VALUES (9999, '9999-newer.sql', '')`)
  const token = 'x'.repeat(43)
  const headers = { authorization: `Bearer ${token}` }
  t.match(await tokenRequest(server, { token }, headers, '/oauth/token/introspection'), come)
})
