import t from 'tap'
import { digestOf } from '../../src/fhir/attachment-digest.ts'
import { standardExtensions, systems } from '../../src/fhir/canonical.ts'
import { wordsOf } from '../support/browser.ts'
import { openTenants } from './tenants.ts'

const world = await openTenants()
const { server, people, lab, study, create, update, newStudy, patientToken } = world
t.teardown(() => server.close())

const kinds = ['omh:heart-rate', 'omh:body-weight']
const { id: other } = await newStudy(lab.manager, lab.organization, 'two kinds', kinds)
const page = `/studies/${other}`
const text = Buffer.from('We ask you to share what you measure.').toString('base64')

const enrolled = async (name: string) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    identifier: [{ value: `code-of-${name}` }],
    study: { reference: `ResearchStudy/${other}` },
    individual: { reference: `Patient/${id}` },
  })
  return id
}
const consent = (patient: string, status: 'active' | 'rejected', of: readonly string[]) => ({
  resourceType: 'Consent' as const,
  status,
  extension: [
    { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${other}` } },
  ],
  scope: { coding: [{ code: 'research' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2026-01-01T00:00:00Z',
  sourceAttachment: { hash: digestOf('sha1', text) },
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  provision: {
    type: 'deny' as const,
    provision: of.map(code => ({
      type: 'permit' as const,
      code: [{ coding: [{ system: systems.omh, code }] }],
      dataPeriod: { start: '2020-01-01' },
    })),
  },
})
const answered = async (name: string, status: 'active' | 'rejected', of: readonly string[] = kinds) => {
  const patient = await enrolled(name)
  const bearer = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  return { bearer, consent: await create(bearer, consent(patient, status, of)), patient }
}
/** What is told of each, by the heading of theirs. */
const told = (body: string) =>
  Object.fromEntries(
    [
      ...body.matchAll(/<h3>([\s\S]*?)<\/h3>\s*<p>([\s\S]*?)<\/p>\s*<p class="text-body-secondary">([\s\S]*?)<\/p>/g),
    ].map(([, name = '', answer, data = '']) => [wordsOf({ body: name }), [answer, wordsOf({ body: data })]]),
  )

t.test('staff see what each of the study has answered, and when their newest reading came', async t => {
  await enrolled('Quiet')
  const all = await answered('All', 'active')
  await answered('Part', 'active', ['omh:heart-rate'])
  await answered('No', 'rejected')
  const gone = await answered('Gone', 'active')
  await update(gone.bearer, { ...gone.consent, status: 'inactive' })
  await create(all.bearer, {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
    subject: { reference: `Patient/${all.patient}` },
    effectiveDateTime: '2026-03-01T12:00:00Z',
    valueQuantity: { value: 60, unit: '/min', system: systems.ucum, code: '/min' },
  })
  const shown = await people.member.get(page)
  t.match(shown, { status: 200, body: /<h1>two kinds<\/h1>/ })
  const silent = 'Silent: you see no data of theirs yet.'
  const none = 'You see no data of theirs.'
  t.match(told(shown.body), {
    Quiet: ['Has not answered yet.', none],
    All: ['Shares all that the study asks for.', /^The newest reading came .*, measured 1 March 2026 at 12:00 UTC\.$/],
    Part: ['Shares a part of what the study asks for.', silent],
    No: ['Has declined.', none],
    Gone: ['Has withdrawn.', none],
  })
})

t.test('people come in pages, and a page is of one reader and study alone', async t => {
  for (let count = 0; count < 18; count += 1) await enrolled(`More ${count}`)
  const first = await people.member.get(page)
  const next = /href="(\/studies\/[^"]*\?page=[^"]*)"/.exec(first.body)?.[1] ?? ''
  const second = await people.member.get(next)
  t.equal(Object.keys(told(first.body)).length, 20)
  t.equal(Object.keys(told(second.body)).length, 3)
  t.same(new Set([...Object.keys(told(first.body)), ...Object.keys(told(second.body))]).size, 23)
  t.equal((await people.manager.get(next)).status, 400)
  t.equal((await people.member.get(next.replace(other, study.id))).status, 400)
})

t.test('who is no staff, or may not see the study, finds no such page', async t => {
  for (const name of ['manager of another tenant', 'patient', 'administrator', 'privacy officer'] as const)
    t.equal((await people[name].get(page)).status, 404, name)
  t.equal((await people.viewer.get(page)).status, 200)
})

t.test('staff find the studies that they may see, and nobody else is shown a list', async t => {
  t.match(wordsOf(await people.member.get('/studies')), /Studies hearts Active two kinds Active/)
  t.match(
    wordsOf(await people['manager of another tenant'].get('/studies')),
    /Studies clinics Active Make a study A new study of clinic Work in/,
  )
  t.match(await people.patient.get('/studies'), { status: 303, location: '/account' })
  t.match((await people.member.get('/account')).body, /href="\/studies"/)
  t.notMatch((await people.patient.get('/account')).body, /href="\/studies"/)
})
