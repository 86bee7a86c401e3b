import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { someoneWaits } from '../support/someone-waits.ts'

const { url, database } = await openTestDatabase(t)
await database.run(sql.fragment`INSERT INTO organization_node (id, tenant) VALUES ('clinic', 'clinic')`)

const run = (...args: readonly string[]) =>
  runProgram(['client', ...args], { DATABASE_URL: url, SECRET_KEY: '07'.repeat(32) })

/** What was recorded, oldest first, and whose privacy officers can read it. */
const recorded = () =>
  database.any<{ owner: string | null; content: AuditEvent }>(
    sql.fragment`SELECT owner, content FROM audit_event ORDER BY pk`,
  )

const redirect = 'https://desk.example.org/back'

t.test(
  'what the operator does to a client is shown to the privacy officers of its organization, without its secret',
  async t => {
    const scope = 'user/Observation.rs'
    const made = await run(
      'register',
      '--name',
      'Desk',
      '--secret',
      '--redirect-uri',
      redirect,
      '--organization',
      'clinic',
      '--scope',
      scope,
    )
    const { client_id: id, client_secret: secret } = JSON.parse(made.out)
    t.match(await run('change', id, '--name', 'Front desk', '--new-secret'), { code: 0, error: '' })
    t.match(await run('change', id, '--scope', 'user/Patient.r'), { code: 0, error: '' })
    t.match(await run('disable', id), { code: 0, out: '', error: '' })
    t.match(await run('list'), { out: '' })
    t.match(await run('enable', id), { code: 0, out: '', error: '' })
    t.match(JSON.parse((await run('list')).out), { id })
    const events = await recorded()
    t.strictSame(
      events.map(({ owner, content: { action, outcomeDesc, entity } }) => ({
        owner,
        action,
        outcomeDesc,
        details: Object.fromEntries(entity?.[0]?.detail?.map(({ type, valueString }) => [type, valueString]) ?? []),
      })),
      [
        {
          owner: 'clinic',
          action: 'C',
          outcomeDesc: 'The app Desk was registered',
          details: {
            name: 'Desk',
            scope,
            token_endpoint_auth_method: 'client_secret_basic',
            redirect_uris: redirect,
            launch_uris: 'none',
            jwks_uri: 'none',
            keys: 'none',
          },
        },
        {
          owner: 'clinic',
          action: 'U',
          outcomeDesc: 'The app Front desk was given a new secret',
          details: { name: 'Front desk' },
        },
        {
          owner: 'clinic',
          action: 'U',
          outcomeDesc: 'The app Front desk was changed',
          details: { scope: 'user/Patient.r' },
        },
        { owner: 'clinic', action: 'U', outcomeDesc: 'The app Front desk was disabled', details: {} },
        { owner: 'clinic', action: 'U', outcomeDesc: 'The app Front desk was enabled', details: {} },
      ],
    )
    t.match(events[0]?.content, {
      agent: [{ who: { identifier: { value: /^cli$/ } }, requestor: true }],
      source: { observer: { display: 'Command line of this server' } },
      entity: [{ what: { identifier: { value: id } } }],
    })
    t.notMatch(JSON.stringify(events), secret)
  },
)

t.test('a refusal is one line, and is not recorded', async t => {
  const before = (await recorded()).length
  const refused = [
    [['register', '--name', 'x', '--public'], 'redirect_uris must name at least one URL\n'],
    [
      ['register', '--name', 'x', '--public', '--redirect-uri', redirect, '--organization', 'x'],
      'Organization/x is not known\n',
    ],
    [
      ['register', '--name', 'x', '--public', '--redirect-uri', redirect, '--scope', 'user/Observations.rs'],
      'user/Observations.rs cannot be given: Observations is no type of resource\n',
    ],
    [
      ['register', '--name', 'x', '--public', '--redirect-uri', redirect, '--scope', 'patient/Observation.rs'],
      'patient/Observation.rs cannot be given: it is not a user/ or system/ scope, such as system/Observation.rs\n',
    ],
    [
      ['register', '--name', 'x', '--public', '--redirect-uri', redirect, '--scope', 'user/Observation.rs?code:in=x'],
      'user/Observation.rs?code:in=x cannot be given: a scope takes no modifier: code:in\n',
    ],
    ...['', '  ', 'a\u0001b', 'x'.repeat(101)].map(
      name =>
        [
          ['register', '--name', name, '--redirect-uri', redirect],
          'A client needs a name of 1 to 100 characters that can be seen\n',
        ] as const,
    ),
    ...['uri', 'logo-uri', 'policy-uri', 'tos-uri'].map(
      option =>
        [
          ['register', '--name', 'x', '--redirect-uri', redirect, `--${option}`, 'desk.example.org'],
          `${option === 'uri' ? 'client_uri' : option.replace('-', '_')} must be the address of a page, such as https://app.example.org/about\n`,
        ] as const,
    ),
    [['register', '--name', 'x', '--jwks', '/no/file'], '--jwks /no/file does not exist\n'],
    [['register', '--name', 'x', '--jwks', '/'], '--jwks / is a folder, and no file\n'],
    [
      ['register', '--name', 'x', '--jwks', import.meta.filename],
      `--jwks ${import.meta.filename} is not JSON: it takes the public keys as a JSON Web Key Set, {"keys": [...]}\n`,
    ],
    [['change', 'x', '--name', 'y'], 'No client x is registered and enabled\n'],
    [['disable', 'x'], 'No client x is registered and enabled\n'],
    [['enable', 'x'], 'No client x is disabled\n'],
  ] as const
  for (const [args, error] of refused) t.strictSame(await run(...args), { code: 1, out: '', error }, args.join(' '))
  t.equal((await recorded()).length, before)
})

t.test('what a manager changes at the same moment stays', async t => {
  const scope = 'user/Observation.rs user/Patient.rs'
  const made = await run(
    ...['register', '--name', 'Desk', '--redirect-uri', redirect, '--organization', 'clinic', '--scope', scope],
  )
  const { client_id: id } = JSON.parse(made.out)
  const { running } = await database.transaction(async connection => {
    await connection.run(sql.fragment`UPDATE client SET scope = 'user/Patient.rs' WHERE id = ${id}`)
    const running = run('change', id, '--name', 'Front desk')
    await someoneWaits(connection)
    return { running }
  })
  t.match(await running, { code: 0, error: '' })
  t.strictSame(await database.one(sql.fragment`SELECT name, scope FROM client WHERE id = ${id}`), {
    name: 'Front desk',
    scope: 'user/Patient.rs',
  })
  t.strictSame((await recorded()).at(-1)?.content.entity?.[0]?.detail, [{ type: 'name', valueString: 'Front desk' }])
})
