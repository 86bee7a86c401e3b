import t from 'tap'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { sendFirstLetter } from '../../../src/cli/demo/first-letter.ts'
import { sessionsOf } from '../../../src/storage/account/session.ts'
import { openAccount, setPassword } from '../../../src/storage/account/user-account.ts'
import { openInvited, password } from '../../web/invited.ts'

const opened = async (environment: Readonly<Record<string, string>>) => {
  const world = await openInvited(environment)
  const { database, server, researcher: person, enrolled, study } = world
  const email = 'rita@example.org'
  const account = await openAccount(database, email, person)
  await setPassword(database, account, await hashPassword(password), { proves: true })
  const { subject } = await enrolled('Ana')
  const address = await server.listen({ host: '127.0.0.1', port: 0 })
  return { ...world, person, address, invitation: { email, password, study: study.id, subject } }
}

t.test('a letter is in the outbox, and nobody stays signed in', async t => {
  const { address, invitation, database, person, close } = await opened({ SMTP_URL: 'none' })
  t.teardown(close)
  t.equal(await sendFirstLetter(address, invitation), true)
  const outbox = async () => (await fetch(`${address}/outbox`)).text()
  for (let shown = await outbox(); !shown.includes('ana@example.org'); shown = await outbox())
    await new Promise(resolve => setTimeout(resolve, 50))
  t.match(await outbox(), /An invitation to a study/)
  t.same(
    (await sessionsOf(database, person)).map(({ device }) => device),
    ['Test'],
    'but in the browser that was open before',
  )
})

t.test('if letters are really sent nobody is written to', async t => {
  const { address, invitation, staff, page, close } = await opened({})
  t.teardown(close)
  t.equal(await sendFirstLetter(address, invitation), false)
  t.match((await staff.get(page)).body, 'Not invited yet.')
})

t.test('a refusal is reported', async t => {
  const { address, invitation, close } = await opened({ SMTP_URL: 'none' })
  t.teardown(close)
  const wrong = { ...invitation, password: 'another one' }
  await t.rejects(sendFirstLetter(address, wrong), { message: 'the form to /sign-in was answered with 422' })
})
