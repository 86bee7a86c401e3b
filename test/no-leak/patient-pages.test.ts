import t from 'tap'
import { patientOrders } from '../../src/web/patient/patient-search.ts'
import type { Shown } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** The pages of patients show and do what FHIR shows to and allows the same person; otherwise there is no such page. */
const world = await openNoLeakWorld()
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]
const patients = facts.patients.map(([id]) => id)
const newcomer = {
  family: 'New',
  given: '',
  birthDate: '1990-01-01',
  identifiers: '',
  email: '',
  mobile: '',
  language: '',
}

/** The organizations in which they register. */
const membershipsOf = (practitioner: string) =>
  facts.memberships.filter(one => one.practitioner === practitioner && !one.ended && one.role !== 'viewer')

t.test(
  'patients are listed for those whom FHIR shows them, and whoever may write them changes how they are reached',
  async t => {
    for (const [place, practitioner] of facts.practitioners.entries()) {
      const { browser, call, _csrf } = await signedIn(`person-${practitioner}`)
      const none = anonymous(await browser.get('/patients/nothing-of-the-kind/change'))
      const noneSent = anonymous(await browser.post('/patients/nothing-of-the-kind/change', { _csrf }))
      t.same([none[0], noneSent[0]], [404, 404])
      const found = JSON.parse((await call('GET', 'Patient?_count=100')).body).entry ?? []
      const readable = new Set<string>(
        found.map(({ resource }: { readonly resource: { readonly id: string } }) => resource.id),
      )
      const listed = (await browser.get('/patients')).body
      for (const id of todays(patients, 3, place)) {
        t.equal(listed.includes(`href="/patients/${id}"`), readable.has(id), `${practitioner}: ${id} in the list`)
        const byName = (await browser.get(`/patients?name=secret-${id}`)).body
        t.equal(byName.includes(`href="/patients/${id}?back=`), readable.has(id), `${practitioner}: ${id} by name`)
        const stored = JSON.parse((await world.everything('GET', `Patient/${id}`)).body)
        const mayWrite = (await call('PUT', `Patient/${id}`, stored)).status === 200
        const page = `/patients/${id}/change`
        const shown = await browser.get(page)
        const fields = { family: 'Other', birthDate: '1970-05-31', email: '', mobile: '', language: '' }
        const posted = await browser.post(page, { _csrf, version: '0', ...fields })
        if (mayWrite) t.same([shown.status, posted.status], [200, 409], `${practitioner}: ${id}`)
        else {
          t.strictSame(anonymous(shown), none, `${practitioner}: the page to change ${id}`)
          t.strictSame(anonymous(posted), noneSent, `${practitioner}: changing ${id}`)
        }
        const record = await browser.get(`/patients/${id}/record`)
        const sent = await browser.post(`/patients/${id}/record`, { _csrf, version: '0', inactive: 'yes' })
        if (mayWrite) t.same([record.status, sent.status], [200, 409], `${practitioner}: the record of ${id}`)
        else
          t.strictSame([anonymous(record), anonymous(sent)], [none, noneSent], `${practitioner}: the record of ${id}`)
      }
    }
  },
)

t.test('in no order does the list show anybody else', async t => {
  for (const practitioner of facts.practitioners) {
    const { browser, call } = await signedIn(`person-${practitioner}`)
    const found = JSON.parse((await call('GET', 'Patient?_count=100')).body).entry ?? []
    const readable = found.map(({ resource }: { readonly resource: { readonly id: string } }) => resource.id)
    for (const sort of Object.keys(patientOrders)) {
      const { body } = await browser.get(`/patients?sort=${sort}`)
      const listed = [...body.matchAll(/href="\/patients\/([^"?]+)\?back=/g)].map(([, id = '']) => id)
      t.same(listed.toSorted(), readable.toSorted(), `${practitioner}: by ${sort}`)
    }
  }
})

t.test('members of the organization register patients', async t => {
  for (const practitioner of facts.practitioners) {
    const { browser, _csrf } = await signedIn(`person-${practitioner}`)
    const members = membershipsOf(practitioner)
    for (const [organization] of facts.organizations) {
      const asked = { ...newcomer, family: `${practitioner} of ${organization}`, organization, _csrf }
      const { status } = await browser.post('/patients/new', asked)
      const mayRegister = members.some(one => one.organization === organization)
      t.equal(status, mayRegister ? 303 : 404, `${practitioner} registers in ${organization}`)
    }
  }
})

t.test('the forms for registering are shown to members, and only their lists are accepted', async t => {
  for (const practitioner of facts.practitioners) {
    const { browser, _csrf } = await signedIn(`person-${practitioner}`)
    const members = membershipsOf(practitioner)
    for (const page of ['/patients/new', '/patients/imports'])
      t.equal((await browser.get(page)).status, members.length > 0 ? 200 : 404, `${practitioner}: ${page}`)
    const sent = await browser.post('/patients/imports', { organization: 'lab', _csrf })
    const isMember = members.some(one => one.organization === 'lab')
    t.equal(sent.status, isMember ? 422 : 404, `${practitioner} sends a list`)
    t.equal((await browser.get('/patients/imports/nothing-of-the-kind')).status, 404)
  }
})

t.test('whoever may enrol with FHIR registers patients into a study', async t => {
  for (const practitioner of facts.practitioners) {
    const { browser, call, _csrf } = await signedIn(`person-${practitioner}`)
    const members = membershipsOf(practitioner)
    for (const { id, over = false } of facts.studies) {
      const organization = members[0]?.organization ?? 'lab'
      const asked = { ...newcomer, family: `${practitioner} in ${id}`, organization, study: id, _csrf }
      const { status } = await browser.post('/patients/new', asked)
      const subject = {
        resourceType: 'ResearchSubject',
        status: 'candidate',
        study: { reference: `ResearchStudy/${id}` },
        individual: { reference: 'Patient/nothing-of-the-kind' },
      }
      const mayEnrol = (await call('POST', 'ResearchSubject', subject)).status === 201
      const done = over ? 409 : 303
      t.equal(status, mayEnrol && members.length > 0 ? done : 404, `${practitioner} registers into ${id}`)
    }
  }
})

t.test('a patient finds no such pages', async t => {
  const { browser, _csrf } = await signedIn('person-ann')
  for (const page of ['/patients', '/patients/new', '/patients/imports', '/patients/ann/change'])
    t.equal((await browser.get(page)).status, 404, page)
  for (const page of ['/patients/new', '/patients/imports', '/patients/ann/change'])
    t.equal((await browser.post(page, { ...newcomer, organization: 'lab', _csrf })).status, 404, page)
})

const pressureOf = (patient: string, day: number) => ({
  resourceType: 'Observation',
  id: `${patient}-pressure-${day}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: `2026-05-0${day}T08:00:00Z`,
  component: ['8480-6', '8462-4'].map(code => ({
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value: 120, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
  })),
})

t.test('the figures of blood pressure on a page are of as many readings as FHIR shows the same person', async t => {
  for (const patient of ['ann', 'kim', 'jon'])
    for (const day of [1, 2, 3]) {
      const stored = pressureOf(patient, day)
      t.equal((await world.everything('PUT', `Observation/${stored.id}`, stored)).status, 201)
    }
  const told: Record<string, number> = {}
  for (const person of ['person-ann', ...facts.practitioners.map(id => `person-${id}`)]) {
    const { browser, call } = await signedIn(person)
    for (const patient of ['ann', 'kim', 'jon']) {
      const found = await call('GET', `Observation?patient=${patient}&code=85354-9&date=ge2026-05-01&_summary=count`)
      const { body } = await browser.get(`/patients/${patient}?first=2026-05-01&last=2026-05-03`)
      const [, readings = '0'] = /<dt>Readings<\/dt><dd>(\d+) on 3 days</.exec(body) ?? []
      t.equal(Number(readings), JSON.parse(found.body).total ?? 0, `${person}: ${patient}`)
      if (readings !== '0') told[`${person}: ${patient}`] = Number(readings)
    }
  }
  t.strictSame(told, { 'person-ann: ann': 3 }, 'nobody shares it')
})
