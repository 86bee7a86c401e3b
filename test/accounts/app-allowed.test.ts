import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { authorizeQuery, base, openApps, pkce } from '../auth/world.ts'
import { openBrowser } from '../support/browser.ts'
import { isTo, openMailbox } from '../support/mailbox.ts'

const mailbox = await openMailbox()
const world = await openApps({ SMTP_URL: mailbox.url })
const { server, database, ann, account, client } = world
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

const person = await account(ann)
const email = 'ann@example.org'
await addAccount(database, { person, email, isVerified: true, administrator: false, password: 'x' })
const browser = openBrowser(server)
browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))

/** Allows the app what it asks for, by a form that is sent so many times at once. */
const allow = async (app: { readonly id: string }, scope: string, times = 1) => {
  const { location = '' } = await browser.get(`/oauth/authorize?${authorizeQuery(app.id, scope, pkce().challenge)}`)
  const page = location.replace(base, '')
  const { body } = await browser.get(page)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  const form = { _csrf, person, decision: 'allow', scope: scope.split(' ') }
  const answers = await Promise.all(Array.from({ length: times }, () => browser.post(page, form)))
  for (const { status } of answers) t.equal(status, 303)
}

t.test('a person is told once, by e-mail, that an app has access also while they are away', async t => {
  const diary = await client({ name: 'Heart diary' })
  await allow(diary, 'launch/patient patient/Observation.rs')
  await allow(diary, 'launch/patient offline_access patient/Observation.rs', 2)
  await allow(diary, 'launch/patient offline_access patient/Observation.rs')
  await allow(await client({ name: 'Scale' }), 'launch/patient offline_access patient/Observation.rs')
  const [first, second] = [await mailbox.next(isTo(email)), await mailbox.next(isTo(email))]
  t.match(first, { subject: 'An app has access to your Sharewell account' })
  t.match(
    first.text.replaceAll(/\s+/g, ' '),
    /^Hello, the app “Heart diary” was allowed to act for you, also while you are away\. .*\/account\/apps If it was not you, choose a new password now/,
  )
  t.match(second.text, 'Scale', 'nothing for what ends when they are gone, and no more for what they allow again')
})
