import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { dateShown } from '../../../src/web/page/typed-day.ts'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, create, send, lab, study, people } = world
t.teardown(() => server.close())
const { member, manager, viewer } = people

const registered = async (family: string, more = {}) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    active: true,
    name: [{ family }],
    birthDate: '1970-05-31',
    telecom: [{ system: 'email', value: `${family.toLowerCase()}@example.org` }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
    ...more,
  })
  return { id, at: `/patients/${id}/record` }
}
const stored = async ({ id }: { readonly id: string }) => (await send('everything', 'GET', `Patient/${id}`)).json()

t.test('staff say that a patient has died, and when: nobody is invited any more, and pages say why', async t => {
  const one = await registered('Gone')
  const place = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${one.id}` },
  })
  const page = await member.get(`/patients/${one.id}?back=%2Fpatients%3Fname%3DGone`)
  t.match(page.body, `href="${one.at}?back=%2Fpatients%3Fname%3DGone">Has died, or record not in use</a>`)
  t.match(wordsOf(await member.get(one.at)), /Has Gone died, or is this record not in use\? .* Birth date 31 May 1970/)
  const saved = await member.send(one.at, { deceased: 'yes', died: '2026-03' })
  t.match(saved, { status: 303, location: `/patients/${one.id}?done=changed` })
  t.match(wordsOf(await member.get(saved.location ?? '')), /It is saved\. .* Died March 2026 Gender/)
  t.has(await stored(one), { active: true, deceasedDateTime: '2026-03', deceasedBoolean: undefined })
  const list = await member.get(`/studies/${study.id}`)
  t.match(wordsOf(list), /Gone has died/)
  const path = `/studies/${study.id}/people/${place.id}/invite`
  t.notMatch(list.body, `action="${path}"`)
  const { body } = await member.get('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  t.equal((await member.post(path, { _csrf, after: 'none' })).status, 422)
})

t.test('a death whose day is not known, and a record that is not in use, are said as well, and taken back', async t => {
  const one = await registered('Twice')
  await member.send(one.at, { deceased: 'yes', died: '', inactive: 'yes' })
  t.match(await stored(one), { active: false, deceasedBoolean: true, deceasedDateTime: undefined })
  const shown = await member.get(one.at)
  for (const name of ['deceased', 'inactive']) t.match(shown.body, `name="${name}" value="yes" checked`)
  await member.send(one.at, { deceased: 'yes', died: '' })
  t.match(await stored(one), { active: true, deceasedBoolean: true })
  await member.send(one.at, { died: '' })
  const back = await stored(one)
  t.strictSame([back.active, back.deceasedBoolean, back.deceasedDateTime], [true, undefined, undefined])
})

t.test('a day of death, or its month, is written as people say it', async t => {
  const one = await registered('Said')
  for (const [typed, stored_, shown] of [
    ['31 January 2026', '2026-01-31', '31 January 2026'],
    ['Jan 2026', '2026-01', 'January 2026'],
    ['enero de 2026', '2026-01', 'January 2026'],
    ['2026', '2026', '2026'],
  ] as const) {
    t.equal((await member.send(one.at, { deceased: 'yes', died: typed })).status, 303, typed)
    t.has(await stored(one), { deceasedDateTime: stored_ })
    t.match((await member.get(one.at)).body, new RegExp(`name="died"[^>]* value="${shown}" data-calendar=`))
  }
})

t.test('what stays as it is stays as it was written elsewhere', async t => {
  const died = '2026-02-03T04:05:06+01:00'
  const one = await registered('Elsewhere', { active: undefined, deceasedDateTime: died })
  await member.send(one.at, { deceased: 'yes', died, inactive: 'yes' })
  t.match(await stored(one), { active: false, deceasedDateTime: died })
  const never = await registered('Never', { active: undefined, deceasedBoolean: false })
  await member.send(never.at, { died: '' })
  t.match(await stored(never), { active: undefined, deceasedBoolean: false })
})

t.test('a day that cannot be is refused at its field, with what would be accepted', async t => {
  const one = await registered('Wrong')
  for (const [died, problem] of [
    [
      'soon',
      /Enter a day that exists, with its month as a word, such as 31 January 2026, or the month and year, or the year alone/,
    ],
    ['2026-02-30', /Enter a day that exists/],
    ['2999-01-01', /Enter a day that is not in the future/],
    ['1970-05-30', /Enter a day that is not before the birth date/],
    ['1969', /Enter a day that is not before the birth date/],
  ] as const) {
    const refused = await member.send(one.at, { deceased: 'yes', died })
    t.match([refused.status, wordsOf(refused)], [422, problem], died)
    t.match(refused.body, `value="${dateShown(died, wordsFor('en'))}"`)
  }
  const unticked = await member.send(one.at, { died: '2026-01-31' })
  t.match([unticked.status, wordsOf(unticked)], [422, /Tick that the patient has died as well, or leave this empty/])
  t.equal((await member.send(one.at, { deceased: 'yes', died: '1970' })).status, 303, 'in the year of birth')
})

t.test('what somebody else has changed meanwhile is shown first', async t => {
  const one = await registered('Late')
  const stale = await manager.get(one.at)
  const version = /name="version" value="(\d+)"/.exec(stale.body)?.[1] ?? ''
  await member.send(one.at, { deceased: 'yes', died: '2026-01-31' })
  const late = await manager.send(one.at, { version, inactive: 'yes', died: '' })
  t.match(
    [late.status, wordsOf(late)],
    [409, /Somebody else has changed this .* The record now: .* Died 31 January 2026/],
  )
  t.match(late.body, 'name="inactive" value="yes" checked')
  t.has(await stored(one), { active: true, deceasedDateTime: '2026-01-31' })
})

t.test('nobody else can say so, or is told of it', async t => {
  const one = await registered('Theirs')
  for (const browser of [
    viewer,
    people['manager of the ward'],
    people['manager of another tenant'],
    people.administrator,
  ]) {
    t.equal((await browser.get(one.at)).status, 404)
    const { body } = await browser.get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await browser.post(one.at, { _csrf, version: '1', deceased: 'yes', died: '' })).status, 404)
  }
  t.notMatch((await viewer.get(`/patients/${one.id}`)).body, one.at)
})
