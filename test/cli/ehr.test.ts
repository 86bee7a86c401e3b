import t from 'tap'
import { type SqlFragment, sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { someoneWaits } from '../support/someone-waits.ts'

const { url, database } = await openTestDatabase(t)
await database.run(sql.fragment`INSERT INTO organization_node (id, tenant) VALUES ('clinic', 'clinic'), ('lab', 'lab')`)

const environment = {
  DATABASE_URL: url,
  SECRET_KEY: '07'.repeat(32),
  OUTBOUND_ORIGINS: 'https://ehr.example.org',
}
const run = (args: readonly string[], input = '') => runProgram(['ehr', ...args], environment, input)

const issuer = 'https://ehr.example.org/fhir'
const known = {
  issuer,
  organization: 'clinic',
  clientId: 'us',
  authentication: 'secret',
  scope: 'openid fhirUser launch patient/Patient.r',
  requiresNonce: true,
  enabled: true,
  frameOrigins: [],
}

t.test('an EHR is added, changed and removed, and its secret is neither printed nor stored in the clear', async t => {
  const made = await run(
    ['set', `${issuer}/`, '--organization', 'clinic', '--client-id', 'us', '--authentication', 'secret'],
    'very secret\n',
  )
  const { id, ...said } = JSON.parse(made.out)
  t.match(id, /^[0-9a-f]{32}$/)
  t.same({ ...made, out: said }, { code: 0, out: known, error: '' })
  const { row } = await database.one<{ row: string }>(
    sql.fragment`SELECT smart_client_config::text AS row FROM smart_client_config`,
  )
  t.notMatch(row, /very secret/)
  const changed = await run(['set', issuer, '--nonce', 'none', '--disable'])
  const now = { id, ...known, requiresNonce: false, enabled: false }
  t.same({ ...changed, out: JSON.parse(changed.out) }, { code: 0, out: now, error: '' })
  const after = await database.one<{ secret: string }>(sql.fragment`SELECT secret FROM smart_client_config`)
  t.ok(row.includes(after.secret), 'the secret stays')
  t.same(JSON.parse((await run(['list'])).out), now)
  const framed = await run(['set', issuer, '--frame-origin', 'https://desk.example.org', 'http://localhost:3000'])
  t.same(JSON.parse(framed.out).frameOrigins, ['https://desk.example.org', 'http://localhost:3000'])
  t.same(JSON.parse((await run(['set', issuer, '--frame-origin', 'none'])).out), now)
  t.same(await run(['remove', issuer]), { code: 0, out: '', error: '' })
  t.same(await run(['list']), { code: 0, out: '', error: '' })
  const events = await database.any<{ content: object }>(sql.fragment`SELECT content FROM audit_event ORDER BY pk`)
  t.has(
    events.map(({ content }) => content),
    [
      { action: 'C', outcomeDesc: `The EHR ${issuer} was set up`, meta: { tag: [{ code: 'clinic' }] } },
      {
        action: 'U',
        outcomeDesc: `The EHR ${issuer} was changed`,
        agent: [{ who: { identifier: { value: 'cli' } } }],
      },
      { action: 'U' },
      { action: 'U' },
      { action: 'D', outcomeDesc: `The EHR ${issuer} was removed` },
    ],
  )
  t.notMatch(JSON.stringify(events), /very secret/)
})

/** Runs the command while somebody who has changed the same EHR has not committed that yet. */
const runBeside = async (change: SqlFragment, args: readonly string[]) => {
  const { running } = await database.transaction(async connection => {
    await connection.run(change)
    const running = run(args)
    await someoneWaits(connection)
    return { running }
  })
  return running
}

t.test('what a manager changes at the same moment stays, and an EHR that they remove is removed once', async t => {
  await run(['set', issuer, '--organization', 'clinic', '--client-id', 'us'])
  const disabling = sql.fragment`UPDATE smart_client_config SET enabled = FALSE`
  const { code, out } = await runBeside(disabling, ['set', issuer, '--nonce', 'none'])
  t.match({ code, out: JSON.parse(out) }, { code: 0, out: { requiresNonce: false, enabled: false } })
  t.match(JSON.parse((await run(['list'])).out), { requiresNonce: false, enabled: false })
  const removing = sql.fragment`DELETE FROM smart_client_config`
  t.match(await runBeside(removing, ['remove', issuer]), { code: 1, error: /is not configured/ })
  await run(['set', issuer, '--organization', 'clinic', '--client-id', 'us'])
  t.match(await runBeside(removing, ['set', issuer, '--nonce', 'none']), { code: 1, error: /is not configured/ })
  t.same(await run(['list']), { code: 0, out: '', error: '' })
  const told = await database.any<{ told: string }>(
    sql.fragment`SELECT content ->> 'outcomeDesc' AS told FROM audit_event ORDER BY pk DESC LIMIT 3`,
  )
  t.strictSame(
    told.map(({ told }) => told),
    [`The EHR ${issuer} was set up`, `The EHR ${issuer} was changed`, `The EHR ${issuer} was set up`],
  )
})

t.test('several organizations are set up at one EHR, each separately', async t => {
  const set = (organization: string) =>
    run(['set', issuer, '--organization', organization, '--client-id', organization])
  for (const organization of ['clinic', 'lab']) t.match(await set(organization), { code: 0, error: '' })
  const several = { code: 1, out: '', error: `${issuer} is configured for several organizations: say --organization\n` }
  t.same(await run(['set', issuer, '--disable']), several)
  t.same(await run(['remove', issuer]), several)
  t.same(await run(['remove', issuer, '--organization', 'lab']), { code: 0, out: '', error: '' })
  t.match(JSON.parse((await run(['list'])).out), { organization: 'clinic', clientId: 'clinic' })
  t.same(await run(['remove', issuer]), { code: 0, out: '', error: '' })
})

t.test('an impossible request is refused in one line', async t => {
  const whole = ['--organization', 'clinic', '--client-id', 'us']
  const refused: readonly (readonly [readonly string[], string])[] = [
    [['set', issuer], 'A new EHR needs --organization and --client-id\n'],
    [['set', issuer, '--organization', 'x', '--client-id', 'us'], 'Organization/x is not known\n'],
    [
      ['set', 'https://evil.example/fhir', ...whole],
      'https://evil.example is not among the servers that may be requested: set OUTBOUND_ORIGINS to allow it\n',
    ],
    [['set', 'nope', ...whole], 'nope is not a URL\n'],
    [['set', issuer, ...whole, '--authentication', 'secret'], 'Give the secret on standard input\n'],
    [
      ['set', issuer, ...whole, '--frame-origin', 'https://ehr.example.org/x'],
      '--frame-origin https://ehr.example.org/x: accepted are none, and https origins such as https://ehr.example.org\n',
    ],
    [
      ['set', issuer, ...whole, '--frame-origin', 'https://*.example.org'],
      '--frame-origin https://*.example.org: accepted are none, and https origins such as https://ehr.example.org\n',
    ],
    [
      ['set', issuer, ...whole, '--frame-origin', 'http://ehr.example.org'],
      '--frame-origin http://ehr.example.org: accepted are none, and https origins such as https://ehr.example.org\n',
    ],
    [['remove', issuer], `${issuer} is not configured\n`],
  ]
  for (const [args, error] of refused) t.same(await run(args), { code: 1, out: '', error })
})

t.test('a command makes new keys, and prints their ids', async t => {
  const ids = /^ES384 [\w-]{43}\nRS384 [\w-]{43}\n$/
  const first = await run(['rotate-keys'])
  t.match(first, { code: 0, out: ids, error: '' })
  const second = await run(['rotate-keys'])
  t.match(second, { code: 0, out: ids, error: '' })
  t.not(second.out, first.out)
  const told = await database.any(sql.fragment`
    SELECT owner, content ->> 'outcomeDesc' AS told FROM audit_event ORDER BY pk DESC LIMIT 2`)
  const replaced = { owner: null, told: 'The keys by which this server authenticates to EHRs were replaced' }
  t.strictSame(told, [replaced, replaced], 'that is recorded')
})
