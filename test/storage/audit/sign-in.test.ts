import t from 'tap'
import { inviteFirstAdministrator } from '../../../src/accounts/new-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

t.test('every sign-in is recorded, and every one that was refused, without what was typed', async t => {
  const link = await inviteFirstAdministrator(database)
  const [email, password] = ['root@example.org', 'seven green umbrellas sing']
  await openBrowser(server).send(`/new-account?link=${link}`, { name: 'Root', email, password })
  const { person } = await database.one<{ person: string }>(sql.fragment`SELECT person FROM user_account`)
  const tries = [
    { email, password },
    { email, password: 'wrong' },
    { email: 'nobody@example.org', password },
  ]
  for (const tried of tries) await openBrowser(server).send('/sign-in', tried)
  t.strictSame(
    await database.any(
      sql.fragment`SELECT person, client, outcome FROM audit_record WHERE interaction = 'sign-in' ORDER BY id`,
    ),
    [
      { person, client: 'pages', outcome: 200 },
      { person, client: 'pages', outcome: 200 },
      { person, client: 'pages', outcome: 401 },
      { person: null, client: 'pages', outcome: 401 },
    ],
  )
})
