import t from 'tap'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import type { Browser } from '../../support/browser.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { openTenants } from '../../web/tenants.ts'

const mailbox = await openMailbox()
const world = await openTenants({ SMTP_URL: mailbox.url })
const { server, database, lab, send, people } = world
const { manager } = people
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

const password = await hashPassword('seven green umbrellas sing')

/** Somebody of the lab who has an account; `at` is the page of their role. */
const colleague = async (email: string, { isVerified = true, language = 'en' } = {}) => {
  const person = await world.staff(lab.organization, 'viewer')
  await addAccount(database, { person, email, isVerified, language, password, administrator: false })
  const { link } = (await send('everything', 'GET', `Person/${person}`)).json()
  const practitioner: string = link[0].target.reference.split('/')[1]
  const roles = (await send('everything', 'GET', `PractitionerRole?practitioner=Practitioner/${practitioner}`)).json()
  return { practitioner, at: `/organizations/${lab.organization}/people/${roles.entry[0].resource.id}` }
}
const removal = (by: Browser, page: string) => by.send(page, {}, `${page}/remove`)

t.test('whose role somebody else changes or ends is told so, once for each', async t => {
  const { at } = await colleague('rolf@example.org')
  t.match(await manager.send(at, { role: 'viewer' }), { status: 303, location: /done=same/ })
  t.match(await manager.send(at, { role: 'member' }), { status: 303, location: /done=changed/ })
  t.match(await mailbox.next(), {
    to: 'rolf@example.org',
    subject: 'Your role in lab was changed',
    text: /somebody who manages lab changed your role there\..*\/organizations\n/s,
  })
  t.match(await manager.send(`${at}/remove`, {}), { status: 303, location: /done=removed/ })
  t.match(await mailbox.next(), { to: 'rolf@example.org', subject: 'Your role in lab has ended' })
})

t.test('so is whom a study names, with other days, and no longer, in their own language', async t => {
  const { practitioner } = await colleague('stella@example.org', { language: 'es' })
  const { id } = await world.newStudy(lab.manager, lab.organization, 'nights\n\nhttp://elsewhere', ['omh:heart-rate'])
  const page = `/studies/${id}/settings/staff`
  const role = { role: 'researcher', from: '', until: '' }
  t.match(await manager.send(page, { code: practitioner, ...role }), { status: 303, location: /done=named/ })
  const named = await mailbox.next()
  t.match(named, { to: 'stella@example.org', subject: 'Usted trabaja en el estudio nights http://elsewhere' })
  t.match(named.text, /personal del estudio nights http:\/\/elsewhere\.\n/, 'and a title adds no lines')
  const at = (await manager.get(page)).body
    .match(/\/settings\/staff\/(\d+)\?[^"]*"/g)
    ?.at(-1)
    ?.replace(/\?.*/, '')
  const entry = `/studies/${id}${at}`
  t.match(await manager.send(entry, { ...role, role: 'coordinator' }), { status: 303, location: /done=saved/ })
  t.match(await mailbox.next(), { subject: 'Se ha cambiado su trabajo en el estudio nights http://elsewhere' })
  t.match(await removal(manager, entry), { status: 303, location: /done=left/ })
  t.match(await mailbox.next(), { subject: 'Usted ya no trabaja en el estudio nights http://elsewhere' })
})

t.test(
  'whoever had no role any more, or none yet, loses nothing when it is removed, and is not written to',
  async t => {
    for (const [name, period] of [
      ['past', { start: '2020-01-01', end: '2021-12-31' }],
      ['future', { start: '2099-01-01' }],
    ] as const) {
      const { at } = await colleague(`${name}@example.org`)
      const stored = (await send('everything', 'GET', `PractitionerRole/${at.split('/').at(-1)}`)).json()
      await world.update('everything', { ...stored, period })
      const { at: next } = await colleague(`after-${name}@example.org`)
      for (const page of [at, next])
        t.match(await manager.send(`${page}/remove`, {}), { status: 303, location: /done=removed/ })
      t.match(await mailbox.next(), { to: `after-${name}@example.org`, subject: 'Your role in lab has ended' })
    }
  },
)

t.test('so is whoever is removed from a study in which their time was over', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'days', ['omh:heart-rate'])
  const page = `/studies/${id}/settings/staff`
  for (const [name, until] of [
    ['theo', '2021-12-31'],
    ['tina', ''],
  ] as const) {
    const { practitioner } = await colleague(`${name}@example.org`)
    const role = { role: 'researcher', from: '', until }
    t.match(await manager.send(page, { code: practitioner, ...role }), { status: 303, location: /done=named/ })
    t.match(await mailbox.next(), { to: `${name}@example.org`, subject: 'You work in the study days' })
    const place = (await manager.get(page)).body.match(/\/staff\/\d+(?=\?)/g)?.length ?? 0
    const entry = `${page}/${place - 1}`
    t.match(await removal(manager, entry), { status: 303, location: /done=left/ })
  }
  t.match(await mailbox.next(), { to: 'tina@example.org', subject: 'You no longer work in the study days' })
})

t.test('whoever has not confirmed their address is not written to', async t => {
  const { at } = await colleague('nobody@example.org', { isVerified: false })
  const { at: next } = await colleague('last@example.org')
  for (const page of [at, next]) t.match(await manager.send(page, { role: 'member' }), { status: 303 })
  t.match(await mailbox.next(), { to: 'last@example.org' })
})
