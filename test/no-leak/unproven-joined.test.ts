import type { Consent, Person, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { appToken } from '../../src/storage/study/app-invitation.ts'
import { openInvitedApps } from '../faces/api/invited.ts'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { consent } from '../support/study.ts'

/** A record that somebody registered, and for which an app answered, before it is joined with one of another institution. */
const world = await openInvitedApps()
const { account, api, create, database, enrolled, institution, invite, send, staffToken, study, update } = world
t.teardown(() => world.server.close())

const kinds = ['omh:heart-rate']
const hospital = await institution('hospital')
const theirs = await world.newStudy(hospital.manager, hospital.organization, 'theirs', kinds)
const researcher = await staffToken(study.researcher, 'user/*.rs')

const seen = async (): Promise<readonly string[]> => {
  const { entry = [] } = (await send(researcher, 'GET', 'Observation')).json()
  return entry.map(({ resource }: { resource: Resource }) => resource.id)
}
const link = async (person: string, patient: string) => {
  const before = (await send('everything', 'GET', `Person/${person}`)).json() as Person
  await update('everything', {
    ...before,
    link: [...(before.link ?? []), { target: { reference: `Patient/${patient}` } }],
  })
}

/** Something was measured of them for the hospital, and for their record in the lab an app gave the lab everything that was ever measured. */
const answeredFor = async (name: string) => {
  const elsewhere = await world.participant(hospital.manager, hospital.organization, theirs.id, kinds, name)
  const { id: measured } = await create(await world.patientToken(elsewhere, 'patient/*.cruds'), {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${elsewhere}` },
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
    effectiveDateTime: new Date(Date.now() - 86_400_000).toISOString(),
    valueQuantity: { value: 61, unit: 'beats/min' },
  })
  const person = await account(elsewhere)
  const one = await enrolled(name)
  const app = await world.tokenOf(appToken(await invite(one), world.app.id))
  const scopeConsents = [
    { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented: true },
  ]
  const answer = { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }
  t.equal((await api(app, 'POST', `patients/${one.patient}/consents`, answer)).status, 201)
  const [{ resource }] = (await send(app, 'GET', 'Consent')).json().entry
  const since = (key: string, value: unknown) => (key === 'dataPeriod' ? { start: '2000-01-01' } : value)
  const consent: Consent = JSON.parse(JSON.stringify(resource, since))
  await update(app, consent)
  return { ...one, elsewhere, person, measured, consent }
}

t.test('what an unconfirmed app gave reaches nothing of a record that is joined', async t => {
  const { patient, person, elsewhere, consent } = await answeredFor('Wes')
  await link(person, patient)
  t.same(await seen(), [])
  const stored = (await send('everything', 'GET', `Consent/${consent.id}`)).json()
  t.equal(stored.status, 'inactive')
  t.match(JSON.stringify(stored.extension), /unproven-before-joining/)
  const { entry } = (await send('everything', 'GET', `Consent?patient=Patient/${elsewhere}&status=active`)).json()
  t.equal(entry.length, 1, 'what they gave to the hospital themselves stays in force')
  const browser = openBrowser(world.server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const page = wordsOf(await browser.get(`/sharing/${study.id}`))
  t.match(page, /nobody had said that the app is theirs/)
  t.notMatch(page, /You had left|The staff of the study have ended/)
})

t.test('what an app gave that was confirmed before stays in force, and covers both', async t => {
  const { patient, elsewhere, measured } = await answeredFor('Xia')
  const own = await account(patient)
  const { grantedApps } = world.server.authorization
  const [granted] = await grantedApps.list(own)
  t.ok(await grantedApps.prove(own, granted?.id ?? ''))
  await link(own, elsewhere)
  t.same(await seen(), [measured])
})

t.test(
  'what one app gave does not count as confirmed because another of the same name was, that came later',
  async t => {
    const { patient, subject, elsewhere, consent } = await answeredFor('Yun')
    const own = await account(patient)
    await world.tokenOf(appToken(await invite({ patient, subject }), world.app.id))
    const { grantedApps } = world.server.authorization
    const [later, first] = await grantedApps.list(own)
    t.ok(later && first && later.grantedAt > first.grantedAt)
    t.ok(await grantedApps.prove(own, later?.id ?? ''))
    const before = await seen()
    await link(own, elsewhere)
    t.same(await seen(), before)
    t.equal((await send('everything', 'GET', `Consent/${consent.id}`)).json().status, 'inactive')
  },
)

/** Somebody with a record at the hospital, for whose record in the lab these things have happened one after another; the status of their Consent once the two are joined. */
const joinedAfter = async (name: string, ...steps: readonly ('app' | 'consent' | 'confirmed')[]): Promise<string> => {
  const elsewhere = await world.participant(hospital.manager, hospital.organization, theirs.id, kinds, name)
  const one = await enrolled(name)
  const own = await account(one.patient)
  const given = consent(one.patient, study.id, world.lab.organization, kinds)
  const { grantedApps } = world.server.authorization
  const does = {
    app: async () => world.tokenOf(appToken(await invite(one), world.app.id)),
    consent: async () => create(await world.patientToken(one.patient, 'patient/Consent.cruds'), given),
    confirmed: async () => grantedApps.prove(own, (await grantedApps.list(own))[0]?.id ?? ''),
  }
  for (const step of steps) t.ok(await does[step]())
  await link(own, elsewhere)
  return (await send('everything', 'GET', `Consent?study=ResearchStudy/${study.id}&patient=${one.patient}`)).json()
    .entry[0].resource.status
}

t.test(
  'of a Consent that names no app it counts which apps had come when it was given, and were confirmed',
  async t => {
    t.equal(await joinedAfter('Zoe', 'consent', 'app'), 'active')
    t.equal(await joinedAfter('Ziv', 'app', 'consent'), 'inactive')
    t.equal(await joinedAfter('Zia', 'app', 'consent', 'app', 'confirmed'), 'active')
  },
)
