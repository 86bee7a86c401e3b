import t from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config.ts'
import { openLog } from '../../../src/events/log.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, persons, lab, clinic, send, staff } = world
t.teardown(() => server.close())
const { manager } = people

const role = { role: 'researcher', from: '', until: '' }
const made = async () => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'nights', ['omh:heart-rate'])
  return `/studies/${id}/settings/staff`
}
/** The code of somebody who works there. */
const colleague = async (organization: string): Promise<string> => {
  const { link } = (await send('everything', 'GET', `Person/${await staff(organization, 'viewer')}`)).json()
  return link[0].target.reference.split('/')[1]
}
const page = await made()
const noSuch =
  'No member of staff with this code is known here, as far as you can see: find a colleague by name and choose them, or enter the code shown on their own Studies page'

t.test('for a code with which nobody is found the page says so, and what to enter instead', async t => {
  await manager.send(page, { code: 'mistyped', ...role })
  t.match(
    wordsOf(await manager.get(page)),
    /Code mistyped Researcher, as long as the study You may not see whose code this is, or it is nobody's\. If it was mistyped, remove it, and enter the code shown on their own Studies page\. Change /,
  )
  t.notMatch(wordsOf(await people.member.get(page)), /If it was mistyped/, 'nor to somebody who cannot remove staff')
})

t.test('a manager from above reads the name of somebody from another tenant whom the study names', async t => {
  const { id } = await world.newStudy(lab.manager, world.ward, 'of the ward', ['omh:heart-rate'])
  const practitioner = await colleague(clinic.organization)
  const stored = JSON.parse((await send('everything', 'GET', `Practitioner/${practitioner}`)).body)
  await world.update('everything', { ...stored, name: [{ text: 'Olga Elsewhere' }] })
  const staffPage = `/studies/${id}/settings/staff`
  await people['manager of the ward'].send(staffPage, { code: practitioner, ...role })
  for (const by of [people['manager of the ward'], manager])
    t.match(wordsOf(await by.get(staffPage)), /Olga Elsewhere Researcher, as long as the study Change /)
  const place = /Olga Elsewhere[\s\S]*?\/settings\/staff\/(\d+)\?/.exec((await manager.get(staffPage)).body)?.[1]
  const entry = `${staffPage}/${place}`
  t.match(await manager.send(entry, {}, `${entry}/remove`), { status: 303 })
  t.equal((await send(lab.manager, 'GET', `Practitioner/${practitioner}`)).statusCode, 404, 'and no longer')
})

t.test('a form for somebody who was removed meanwhile is not one for whoever has their place in the list', async t => {
  const list = await made()
  const [gone, next] = [await colleague(lab.organization), await colleague(lab.organization)]
  for (const code of [gone, next]) await manager.send(list, { code, ...role })
  const entry = `${list}/1`
  const { body } = await manager.get(entry)
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
  const shown = { _csrf: hidden('_csrf'), version: hidden('version'), entry: hidden('entry') }
  t.match(await manager.send(entry, {}, `${entry}/remove`), { status: 303 })
  const before = await manager.get(list)
  const version = /name="version" value="([^"]*)"/.exec(before.body)?.[1] ?? ''
  const leads = { ...role, role: 'investigator' }
  for (const late of [shown, { ...shown, version }, { _csrf: shown._csrf, version }])
    for (const answer of [
      await manager.post(entry, { ...late, ...leads }),
      await manager.post(entry, { ...late, ...role, role: 'none' }),
      await manager.post(`${entry}/remove`, late),
    ]) {
      t.match([answer.status, wordsOf(answer)], [409, /Staff of the study Somebody else has changed this study/])
      t.notMatch(answer.body, `action="${entry}"`, 'and does not offer to save it for them')
    }
  t.equal(wordsOf(await manager.get(list)), wordsOf(before), 'nobody else leads the study or was removed')

  const moved = `${list}/1`
  const theirs = (await manager.get(moved)).body
  t.match(theirs, `name="entry" value="${next} "`)
  t.match(await manager.send(moved, leads), { status: 303 })
})

t.test(
  'a link to somebody’s entry leads to theirs, wherever it is by now, and never to that of somebody else',
  async t => {
    const list = await made()
    const [first, second, last] = [await colleague(lab.organization), await colleague(lab.organization), 'elsewhere']
    for (const code of [first, second, last]) await manager.send(list, { code, ...role })
    const { body } = await manager.get(list)
    const links = [...body.matchAll(/href="([^"]*\/settings\/staff\/\d+[^"]*)"/g)].map(([, link = '']) => link)
    const [ofFirst = '', ofSecond = ''] = links.slice(-3)
    const firstEntry = ofFirst.split('?')[0] ?? ''
    t.match(await manager.send(ofFirst, {}, `${firstEntry}/remove`), { status: 303 })
    t.match((await manager.get(ofSecond)).body, `name="entry" value="${second} "`)
    t.match((await manager.send(firstEntry, { role: '' })).body, ` data-page="${ofSecond.replace('/2?', '/1?')}"`)
    const answer = await manager.get(ofFirst)
    t.equal(answer.status, 404)
    t.match(
      wordsOf(answer),
      /Staff of the study That entry is no longer there: it has been removed\. These work in the/,
    )
    t.notMatch(answer.body, 'Remove from the staff')
  },
)

t.test('with required references, a hidden person and one that does not exist are reported alike', async t => {
  const config = readConfig({ LOG_LEVEL: 'silent', REFERENTIAL_INTEGRITY: 'on' })
  const log = openLog(config.logLevel)
  const strict = await buildApp({ config, log, databaseUrl: world.url, secretKey: Buffer.alloc(32, 7) })
  t.teardown(() => strict.close())
  const browser = openBrowser(strict)
  const session = { person: persons.manager, methods: ['pwd'], device: 'Test' } as const
  browser.cookies.set('sharewell-session', await startSession(database, session))
  const told = async (code: string, page: string) => {
    const { status, body } = await browser.send(page, { code, ...role })
    const problem = /id="code-problem">([^<]*)</.exec(body)?.[1]
    return { status, problem, body: body.replaceAll(code, 'CODE').replaceAll(/name="_csrf" value="[^"]*"/g, '') }
  }
  const other = await made()
  const hidden = await told(await colleague(clinic.organization), other)
  t.match(hidden, { status: 422, problem: noSuch })
  t.same(hidden, await told('no-such-code', other))
  const known = await colleague(lab.organization)
  t.equal((await told(known, other)).status, 303, 'somebody whom they may see can be named')

  const changed = await browser.send(`${page}/1`, { ...role, role: 'coordinator' })
  t.match([changed.status, wordsOf(changed)], [422, new RegExp(noSuch)])
  t.match(
    await told(known, page),
    { status: 422, problem: 'Practitioner/mistyped is not known here' },
    'nobody is called unknown for another of the staff',
  )
})
