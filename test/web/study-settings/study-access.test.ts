import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { wordsOf } from '../../support/browser.ts'
import { keepService } from '../../support/keep-service.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, people, persons, lab, study, create, send, patientToken, staff, browserOf, update } = world
t.teardown(() => server.close())
const { member, viewer } = people

const page = `/studies/${study.id}/settings/access`
const accessNow = async () =>
  (await send('everything', 'GET', `ResearchStudy/${study.id}`))
    .json()
    .extension.filter(({ url }: { readonly url: string }) => url === extensions.access)
    .map(({ valueCode }: { readonly valueCode: string }) => valueCode)
const found = async (person: string) => {
  const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.rs' })
  return (await send(token, 'GET', 'Observation?_summary=count')).json().total
}

t.test('members narrow a study to its named staff: from then on nobody else reads what is shared with it', async t => {
  await create(await patientToken(world.ann, 'patient/*.cruds'), {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${world.ann}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value: 61, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  t.same([await found(persons.viewer), await found(study.researcher.person)], [1, 1])
  t.match(
    wordsOf(await member.get(`/studies/${study.id}/settings`)),
    /Who reads what patients share Its named staff, and everybody in its organization and in those below it/,
  )
  t.match(
    wordsOf(await member.get(page)),
    /Its named staff read it, now one person , and so does everybody in its organization and in those below it\. You can narrow this .* You cannot undo this\. Let its named staff alone read/,
  )
  t.match(await member.send(page, {}), { status: 303, location: `/studies/${study.id}/settings?done=access` })
  t.match(
    wordsOf(await member.get(`/studies/${study.id}/settings?done=access`)),
    /From now on nobody else of its organization reads what patients share\. .* Who reads what patients share Its named staff, and nobody else of its organization/,
  )
  t.same(await accessNow(), ['staff'])
  t.same([await found(persons.viewer), await found(study.researcher.person)], [0, 1])
})

t.test('nobody widens it again: the page offers nothing, and says why', async t => {
  const shown = await member.get(page)
  t.match(
    wordsOf(shown),
    /Its named staff read it, now one person , and nobody else of its organization\. This cannot be widened, since patients were told so\. The services/,
  )
  t.notMatch(shown.body, `<form method="post" action="${page}"`)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const wider = stored.extension.filter(({ url }: { readonly url: string }) => url !== extensions.access)
  t.equal(
    (await send(lab.manager, 'PUT', `ResearchStudy/${study.id}`, { ...stored, extension: wider })).statusCode,
    422,
  )
})

t.test('a study without named staff says that nobody would read, and so it does once it is narrowed', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchStudy',
    status: 'in-review',
    title: 'Unstaffed',
    sponsor: { reference: `Organization/${lab.organization}` },
  })
  const at = `/studies/${id}/settings`
  t.match(
    wordsOf(await member.get(`${at}/access`)),
    /Its named staff read it, now nobody , and so does .* Nobody is named yet: until staff are , no person would read anything\./,
  )
  const needs = /No person reads what patients share before its staff are named\./
  t.notMatch(wordsOf(await member.get(at)), needs)
  await member.send(`${at}/access`, {})
  t.match(wordsOf(await member.get(at)), needs)
  t.match(wordsOf(await member.get(`/studies/${id}`)), needs)
})

t.test('a service that reads without a person is named among those who read, before and after', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'Served', ['omh:heart-rate'])
  await keepService(world.database, { id: 'Night job', scope: 'system/Observation.rs', organization: lab.organization })
  const at = `/studies/${id}/settings`
  t.match(
    wordsOf(await member.get(at)),
    /Its named staff, and everybody in its organization and in those below it, and the service Night job/,
  )
  await member.send(`${at}/access`, {})
  t.match(
    wordsOf(await member.get(at)),
    /Its named staff, and the service Night job, and nobody else of its organization/,
  )
})

t.test('if somebody else has changed the study meanwhile, nothing is narrowed before that has been seen', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'Meanwhile', ['omh:heart-rate'])
  const at = `/studies/${id}/settings/access`
  const [, version = ''] = /name="version" value="([^"]*)"/.exec((await member.get(at)).body) ?? []
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  await update(lab.manager, { ...stored, title: 'Other' })
  const late = await member.send(at, { version })
  t.match(
    [late.status, wordsOf(late)],
    [409, /Somebody else has changed this study in the meantime, so this was not done/],
  )
  const { extension } = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  t.notOk(extension.some(({ url }: { readonly url: string }) => url === extensions.access))
})

t.test('whoever sends it twice is told that it is done, and nothing is written again', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'Twice', ['omh:heart-rate'])
  const at = `/studies/${id}/settings/access`
  const { body } = await member.get(at)
  const [_csrf, version] = ['_csrf', 'version'].map(
    name => new RegExp(`name="${name}" value="([^"]*)"`).exec(body.slice(body.indexOf(`action="${at}"`)))?.[1] ?? '',
  )
  const sent = { _csrf: _csrf ?? '', version: version ?? '' }
  const done = { status: 303, location: `/studies/${id}/settings?done=access` }
  t.match([await member.post(at, sent), await member.post(at, sent)], [done, done])
  const { meta } = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  t.equal(meta.versionId, String(Number(version) + 1))
})

t.test('nobody else finds the page, or narrows anything', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'Kept', ['omh:heart-rate'])
  const at = `/studies/${id}/settings/access`
  const stranger = await browserOf(await staff(world.clinic.organization, 'member'))
  for (const browser of [viewer, stranger, people.administrator, people['privacy officer']]) {
    t.equal((await browser.get(at)).status, 404)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    t.equal((await browser.post(at, { _csrf, version: '1' })).status, 404)
  }
})
