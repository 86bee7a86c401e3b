import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openPeople } from '../people.ts'

const { database, newAccount, browser: newBrowser, signedIn: signIn, close } = await openPeople()
t.teardown(close)

const signedIn = async (name: string) => signIn((await newAccount(name)).email)
const asked = '/account/sessions/ending'
const kept = '/account/sessions/keep'
const minutesIn = ({ body }: { readonly body: string }) => Math.round(JSON.parse(body).inSeconds / 60)
const tokenIn = ({ body }: { readonly body: string }) => /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''

t.test('asking when a session ends does not put that off, and keeping it does, as often as is wanted', async t => {
  const browser = await signedIn('ana')
  const _csrf = tokenIn(await browser.get('/account'))
  for (let count = 0; count < 10; count += 1) {
    await database.run(sql.fragment`UPDATE user_session SET seen_at = now() - interval '118 minutes'`)
    t.same([minutesIn(await browser.get(asked)), minutesIn(await browser.get(asked))], [2, 2])
    const answer = await browser.post(kept, { _csrf })
    t.equal(answer.status, 200)
    t.equal(minutesIn(answer), 120)
    t.equal(minutesIn(await browser.get(asked)), 120)
  }
})

t.test('a page has how long its session lasts, and nothing of it for whoever is not signed in', async t => {
  const browser = await signedIn('dora')
  const { body } = await browser.get('/account')
  t.match(body, /<template id="session-ending" data-seconds="6900">/)
  t.notMatch(await newBrowser().get('/sign-in'), { body: 'session-ending' })
})

t.test('after twelve hours nothing keeps a session, and that is said', async t => {
  const browser = await signedIn('ben')
  const _csrf = tokenIn(await browser.get('/account'))
  await database.run(sql.fragment`UPDATE user_session SET expires_at = now() + interval '2 minutes'`)
  const answers = [await browser.get(asked), await browser.post(kept, { _csrf })]
  t.same(
    answers.map(answer => [minutesIn(answer), JSON.parse(answer.body).isFinal]),
    [
      [2, true],
      [2, true],
    ],
  )
})

t.test('the form of one person keeps no session of another', async t => {
  const [own, other] = [await signedIn('emil'), await signedIn('fay')]
  const _csrf = tokenIn(await own.get('/account'))
  own.cookies.set('sharewell-session', other.cookies.get('sharewell-session') ?? '')
  t.match(await own.post(kept, { _csrf }), { status: 409 })
})
