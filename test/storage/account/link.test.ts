import t, { type Test } from 'tap'
import {
  dropAdministratorLinks,
  dropInvitations,
  dropLinks,
  findLink,
  hasInvitation,
  type Link,
  makeLink,
  takeLink,
} from '../../../src/storage/account/link.ts'
import { hashOf, newSecret } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)
/** Each test starts with an empty database. */
const test = (name: string, run: (t: Test) => Promise<void>) =>
  t.test(name, async t => {
    await database.run(sql.fragment`DELETE FROM account_link`)
    await run(t)
  })

const make = (link: Link) => makeLink(database, link, 5)
const find = (secret: string) => findLink(database, secret)
const invitation = (email?: string, more: Partial<Link> = {}): Link =>
  ({
    purpose: 'new-account',
    administrator: false,
    wasSent: false,
    ...(email === undefined ? {} : { email }),
    ...more,
  }) as Link
const newPassword = (person: string): Link => ({
  purpose: 'new-password',
  person,
  email: `${person}@example.org`,
  wasSent: true,
})

test('a link opens what it was made for, and is used once', async t => {
  const links: readonly Link[] = [
    invitation(),
    invitation('ana@example.org', { administrator: true, wasSent: true }),
    newPassword('ana'),
    { purpose: 'new-password', person: 'ana', email: 'ana@example.org', wasSent: false },
    { purpose: 'new-password', person: 'ana', email: 'ana@example.org', wasSent: false, administrator: true },
    { purpose: 'verification', person: 'ana', email: 'ana@example.org' },
  ]
  const secrets = await Promise.all(links.map(make))
  t.strictSame(await Promise.all(secrets.map(find)), links)
  for (const [index, secret] of secrets.entries()) {
    t.equal(await takeLink(database, secret), true)
    t.equal(await takeLink(database, secret), false)
    const left = links.map((link, at) => (at > index ? link : undefined))
    t.strictSame(await Promise.all(secrets.map(find)), left, 'the others remain')
  }
})

test('an expired link, or one that never existed, opens nothing and cannot be used', async t => {
  const [over, other] = [await make(newPassword('ana')), await make(newPassword('ana'))]
  await database.run(sql.fragment`UPDATE account_link SET expires_at = now() WHERE hash = ${hashOf(over)}`)
  for (const secret of [over, newSecret(), '', 'short'])
    t.strictSame([await find(secret), await takeLink(database, secret)], [undefined, false])
  t.strictSame(await find(other), newPassword('ana'))
  await make(newPassword('ben'))
  const kept = await database.any(sql.fragment`SELECT FROM account_link WHERE expires_at <= now()`)
  t.equal(kept.length, 0, 'making the next link removes the expired ones')
})

test('links end with the account, invitations with the address they are for, administrators’ links with all of their kind', async t => {
  const made = {
    password: await make(newPassword('ana')),
    verification: await make({ purpose: 'verification', person: 'ana', email: 'ana@example.org' }),
    others: await make(newPassword('ben')),
    invitation: await make(invitation('ana@example.org')),
    toAnother: await make(invitation('ben@example.org')),
    administrator: await make(invitation('root@example.org', { administrator: true })),
  }
  const left = async () => {
    const found: string[] = []
    for (const [name, secret] of Object.entries(made)) if ((await find(secret)) !== undefined) found.push(name)
    return found
  }
  await dropInvitations(database, 'ana@example.org')
  t.strictSame(await left(), ['password', 'verification', 'others', 'toAnother', 'administrator'])
  await dropLinks(database, 'ana')
  t.strictSame(await left(), ['others', 'toAnother', 'administrator'])
  await dropAdministratorLinks(database)
  t.strictSame(await left(), ['others', 'toAnother'])
})

test('an invitation by the operator counts as one if they hand over its link themselves and it makes no administrator', async t => {
  const email = 'ana@example.org'
  const hasOne = () => hasInvitation(database, email)
  for (const link of [
    invitation(),
    invitation('ben@example.org'),
    invitation(email, { administrator: true }),
    invitation(email, { wasSent: true }),
    { purpose: 'verification', person: 'ana', email } as const,
  ]) {
    await make(link)
    t.equal(await hasOne(), false, JSON.stringify(link))
  }
  const own = await make(invitation(email))
  t.equal(await hasOne(), true)
  await database.run(sql.fragment`UPDATE account_link SET expires_at = now() WHERE hash = ${hashOf(own)}`)
  t.equal(await hasOne(), false, 'an expired one does not count')
})
