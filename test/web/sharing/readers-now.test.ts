import type { Consent, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { disableClient, enableClient } from '../../../src/storage/authorization/client-registration.ts'
import { works } from '../../storage/model/world.ts'
import { type Shown, wordsOf } from '../../support/browser.ts'
import { keepService } from '../../support/keep-service.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { administrator, band, browserOf, create, database, lab, send, sign, somebody, study, token, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [`${hearts}-from`]: '2020-01-01', [steps]: 'yes', [`${steps}-from`]: '2020-01-01' }
const page = `/sharing/${study.id}`

const service = (id: string, scope: string) => keepService(database, { id, scope, organization: lab.organization })
const read = async (): Promise<ResearchStudy> => (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
const isStaff = (practitioner: string) => (one: Extension) =>
  one.url === extensions.staff && JSON.stringify(one).includes(`Practitioner/${practitioner}"`)
const name = async (entry: Extension): Promise<void> => {
  const stored = await read()
  await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), entry] })
}
const unname = async (practitioner: string): Promise<void> => {
  const stored = await read()
  await update(lab.manager, {
    ...stored,
    extension: stored.extension?.filter(one => !isStaff(practitioner)(one)) ?? [],
  })
}
/** A member of the lab. */
const colleague = async (text: string): Promise<string> => {
  const { id } = await create(lab.manager, { resourceType: 'Practitioner', name: [{ text }] })
  await create(administrator, {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${id}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'member' }] }],
  })
  return id
}
const moment = String.raw`\d+ \w+ \d{4} at \d\d:\d\d UTC`
/** Each line, with THEN in place of moments. */
const linesOf = ({ body }: Pick<Shown, 'body'>): readonly string[] | undefined => {
  const list =
    /<h2>(?:Who c(?:an|ould) see it|Quién p(?:uede|odía) verlo) (?:now|ahora|(?:on|el) <time[^<]*<\/time>)<\/h2>\s*<ul>([\s\S]*?)<\/ul>/.exec(
      body,
    )?.[1]
  return list
    ?.split('<li>')
    .slice(1)
    .map(line => wordsOf({ body: line }).replaceAll(new RegExp(moment, 'g'), 'THEN'))
}
const everybody = 'Everybody who works at lab, or in a part of it, also those who come later'
const rita = 'Rita Research (A researcher of the study), since THEN'
const job = (id: string, only = '') =>
  `${id}, a service of lab that reads by itself, without a person${only}, since THEN`

await service('Old job', 'system/Observation.rs?code=omh:heart-rate')
const ana = await somebody('Ana')
const before = linesOf(await ana.browser.get(page))
await sign(ana.browser, both)

t.test('whoever shares is told who sees it, since when, and by nobody before anything is shared', async t => {
  t.equal(before, undefined)
  const shown = await ana.browser.get(page)
  t.same(linesOf(shown), [everybody, rita, job('Old job', ', but only: Heart rate, from Tidewell band')])
  t.match(wordsOf(shown), /they may change without your being asked again\. You are asked before another organization/)
  t.same(linesOf(await ana.browser.get('/sharing/none')), undefined)
})

t.test(
  'who came after the signature is marked, whether a person or a service, and so is what a service gained',
  async t => {
    const nina = await colleague('Nina New')
    await name(works(nina, 'coordinator'))
    await service('New job', 'system/Observation.rs?code=omh:step-count')
    const onlySteps = ', but only: Step count, from any device'
    const onlyHearts = ', but only: Heart rate, from Tidewell band'
    const people = [everybody, 'New since you signed: Nina New (A coordinator of the study), since THEN', rita]
    const newJob = `New since you signed: ${job('New job', onlySteps)}`
    const lines = async () => (await linesOf(await ana.browser.get(page)))?.toSorted()
    t.same(await lines(), [...people, newJob, job('Old job', onlyHearts)].toSorted())

    await service('Old job', 'system/Observation.rs?code=omh:heart-rate system/Observation.s?code=omh:heart-rate')
    await service('Old job', 'system/Observation.rs?code=omh:heart-rate')
    const gained = `New since you signed: ${job('Old job', onlyHearts)}`
    t.same(await lines(), [...people, newJob, gained].toSorted(), 'since its scope last had a word more')
    await service('New job', 'system/Observation.rs')
    t.same(await lines(), [...people, `New since you signed: ${job('New job')}`, gained].toSorted())

    await disableClient(database, 'New job', 'organization')
    await unname(nina)
    t.same(await lines(), [everybody, rita, gained].toSorted(), 'who reads no more is not there')
    await enableClient(database, 'New job', 'organization')
    await name(works(nina, 'coordinator', '2020-01-01'))
    t.same(await lines(), [everybody, rita, gained, `New since you signed: ${job('New job')}`].toSorted())
    await disableClient(database, 'New job', 'organization')
    await token({ subject: { kind: 'client' }, client: 'New job', scope: 'system/Observation.s' })
    t.same(
      await lines(),
      [everybody, rita, gained, `New since you signed: ${job('New job')}`].toSorted(),
      'by its token',
    )
  },
)

t.test('what was signed before the study came to this server was signed with what it had there', async t => {
  const eve = await somebody('Eve')
  await sign(eve.browser, both)
  const [given] = await world.consentsOf(eve.patient.id)
  await update('everything', { ...given, dateTime: '2020-01-01' } as Consent)
  const news = async () => linesOf(await eve.browser.get(page))?.filter(line => line.startsWith('New since'))
  // Both had come before, but after the study.
  t.match(await news(), [/New job/, /Old job/])
  t.equal((await news())?.length, 2, 'who was there from the first is not new')
})

t.test('whoever signs after that is told of no news', async t => {
  const bea = await somebody('Bea')
  await sign(bea.browser, both)
  t.same(
    linesOf(await bea.browser.get(page))?.filter(line => line.startsWith('New since')),
    [],
  )
})

t.test('the copy says it too, also as a file and in Spanish, until nothing is shared any more', async t => {
  const copy = `${page}/copy`
  const expected = linesOf(await ana.browser.get(page))
  t.same(linesOf(await ana.browser.get(copy)), expected)
  t.same(linesOf(await ana.browser.get(`${copy}?file`)), expected)
  t.match(wordsOf(await ana.browser.get(`${copy}?file`)), new RegExp(`Who could see it on ${moment}`), 'a file is kept')
  const { entry } = (await send('everything', 'GET', `Person?link=Patient/${ana.patient.id}`)).json()
  const spanish = await browserOf(entry[0].resource.id, 'es')
  const [all, own] = linesOf(await spanish.get(page)) ?? []
  t.equal(all, 'Todas las personas que trabajan en lab o en una parte de ella, también las que lleguen después')
  t.match(own, /^Rita Research \(Una persona que investiga en el estudio\), desde el \d+ de \w+ de \d{4}/)
  t.match((await spanish.get(copy)).body, 'Nuevo desde que usted firmó:')
  const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await ana.browser.get(page)).body) ?? []
  await ana.browser.post(`${page}/decline`, { _csrf })
  t.equal(linesOf(await ana.browser.get(page)), undefined)
  t.equal(linesOf(await ana.browser.get(copy)), undefined)
})
