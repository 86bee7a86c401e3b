import t from 'tap'
import { inviteFirstAdministrator } from '../../../src/accounts/sign-up/new-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const requestOf = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) => headers['x-request-id']

t.test('every sign-in is recorded with its request, and so is every refused one, without what was typed', async t => {
  const link = await inviteFirstAdministrator(database)
  const [email, password] = ['root@example.org', 'seven green umbrellas sing']
  const requests = [
    requestOf(await openBrowser(server).send(`/new-account?link=${link}`, { name: 'Root', email, password })),
  ]
  const { person } = await database.one<{ person: string }>(sql.fragment`SELECT person FROM user_account`)
  const tries = [
    { email, password },
    { email, password: 'wrong' },
    { email: 'nobody@example.org', password },
  ]
  for (const tried of tries) requests.push(requestOf(await openBrowser(server).send('/sign-in', tried)))
  const [arrived, first, second, third] = requests
  t.equal(new Set(requests).size, 4)
  t.strictSame(
    await database.any(
      sql.fragment`SELECT request, person, client, outcome FROM audit_record WHERE interaction = 'sign-in' ORDER BY id`,
    ),
    [
      { request: arrived, person, client: 'pages', outcome: 200 },
      { request: first, person, client: 'pages', outcome: 200 },
      { request: second, person, client: 'pages', outcome: 401 },
      { request: third, person: null, client: 'pages', outcome: 401 },
    ],
  )
})
