import t from 'tap'
import { makeLink } from '../../src/storage/account/link.ts'
import { sql } from '../../src/storage/sql.ts'
import { codeOf, keyIn } from '../support/authenticator.ts'
import { wordsOf } from '../support/browser.ts'
import { whileGoneAt } from '../support/while-gone.ts'
import { openInvited, password } from '../web/invited.ts'
import { recoveryCodesIn } from '../web/people.ts'

/** Letters are stored here, as in a server that works on them. */
const world = await openInvited()
const { arrived, browser, database } = world
t.teardown(world.close)

/** The table of letters. */
const whileNoLetterIsKept = <T>(run: () => Promise<T>): Promise<T> => whileGoneAt(database, 'letter', run)
const next = 'eleven silent bakeries float'

t.test('a change that is done is answered as done, also if the person cannot be told of it', async t => {
  const { browser: own, email } = await arrived('Ana')
  await own.send('/account/second-factor/set-up', { password })
  const code = await codeOf(keyIn(await own.get('/second-factor')))
  const setUp = await whileNoLetterIsKept(() => own.send('/second-factor', { code }))
  t.equal(setUp.status, 200)
  const [recovery = '', ...codes] = recoveryCodesIn(setUp)
  t.equal(codes.length, 9, 'they are shown once')

  const changed = await whileNoLetterIsKept(() => own.send('/account/password', { password, 'new-password': next }))
  t.match(changed, { status: 303, location: '/account?done=password' })
  const anew = browser()
  await anew.send('/sign-in', { email, password: next })
  const used = await whileNoLetterIsKept(() => anew.send('/second-factor', { code: recovery }))
  t.has(used, { status: 303, location: '/account/second-factor?done=recovered' })

  const { person } = await database.one<{ person: string }>(
    sql.fragment`SELECT person FROM user_account WHERE email = ${email}`,
  )
  const forgotten = await makeLink(database, { purpose: 'new-password', person, email, wasSent: true }, 30)
  const chosen = await whileNoLetterIsKept(() => browser().send(`/new-password?link=${forgotten}`, { password }))
  t.match(chosen, { status: 303, location: '/sign-in?new-password' })
})

t.test(
  'an account that is made is answered as made, also if the letter that confirms its address cannot be kept',
  async t => {
    const wanted = { purpose: 'new-account', email: 'eve@example.org', administrator: false, wasSent: false } as const
    const url = `/new-account?link=${await makeLink(database, wanted, 30)}`
    const own = browser()
    const made = await whileNoLetterIsKept(() => own.send(url, { name: 'Eve', password }))
    t.match(made, { status: 303, location: '/account?done=account' })
    t.match(
      wordsOf(await own.get('/account')),
      /Confirm your e-mail address .* Send me an e-mail/,
      'they can ask for another',
    )
  },
)
