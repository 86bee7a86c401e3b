import t from 'tap'
import { confirmEnd, dropEmailChange, findEmailChange, wantEmail } from '../../../src/storage/account/email-change.ts'
import { newSecret } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)
const nothing = { old: false, new: false }
const want = (person: string, email: string, isConfirmed = nothing) =>
  wantEmail(database, { person, email, isConfirmed })
const find = (secret: string) => findEmailChange(database, secret)
const confirm = (secret: string) => confirmEnd(database, secret)

t.test('each link confirms only its own end of the change, for one account', async t => {
  const [hers, his] = [await want('ana', 'ana@home.example'), await want('ben', 'ben@home.example')]
  const change = { person: 'ana', email: 'ana@home.example' }
  t.strictSame(await find(hers.old), { ...change, end: 'old', isConfirmed: nothing })
  t.strictSame(await find(hers.new), { ...change, end: 'new', isConfirmed: nothing })
  const one = { old: false, new: true }
  for (let times = 0; times < 2; times += 1)
    t.strictSame(await confirm(hers.new), { ...change, end: 'new', isConfirmed: one })
  t.strictSame(await find(hers.old), { ...change, end: 'old', isConfirmed: one })
  t.strictSame(await confirm(hers.old), { ...change, end: 'old', isConfirmed: { old: true, new: true } })
  t.strictSame((await find(his.old))?.isConfirmed, nothing)
  t.strictSame((await confirm(his.old))?.isConfirmed, { old: true, new: false })
  await dropEmailChange(database, 'ana')
  t.strictSame([await find(hers.old), await confirm(hers.new)], [undefined, undefined])
  t.equal((await find(his.new))?.person, 'ben')
})

t.test('asking for another address carries over nothing that was confirmed for the one before', async t => {
  const before = await want('cleo', 'first@home.example')
  for (const link of [before.old, before.new]) await confirm(link)
  const now = await want('cleo', 'second@home.example')
  for (const link of [before.old, before.new])
    t.strictSame([await find(link), await confirm(link)], [undefined, undefined])
  t.strictSame(await find(now.new), {
    person: 'cleo',
    email: 'second@home.example',
    end: 'new',
    isConfirmed: nothing,
  })
  const third = await want('cleo', 'third@home.example', { old: true, new: false })
  t.strictSame((await find(third.new))?.isConfirmed, { old: true, new: false }, 'unless it is stated as confirmed')
})

t.test('after half an hour a change expires, and its links confirm nothing', async t => {
  const links = await want('dora', 'dora@home.example')
  const older = (time: string) =>
    database.run(
      sql.fragment`UPDATE email_change SET expires_at = expires_at - ${time}::interval WHERE person = 'dora'`,
    )
  await older('29 minutes 50 seconds')
  t.equal((await confirm(links.old))?.end, 'old')
  await older('10 seconds')
  for (const link of [links.old, links.new, newSecret(), '', 'short'])
    t.strictSame([await find(link), await confirm(link)], [undefined, undefined])
  const again = await want('dora', 'dora@home.example')
  t.equal((await find(again.old))?.person, 'dora', 'it can be asked for again')
})
