import type { Patient, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { appToken } from '../../src/storage/study/app-invitation.ts'
import { openInvitedApps } from '../faces/api/invited.ts'

/**
 * Whoever registers somebody chooses where the link of an invitation goes: here to themselves, for a patient who has an account and a record
 * elsewhere.
 */
const world = await openInvitedApps()
const { account, api, create, enrolled, institution, invite, lab, send, staffToken, study, update } = world
t.teardown(() => world.server.close())

const kinds = ['omh:heart-rate']
const hospital = await institution('hospital')
const theirs = await world.newStudy(hospital.manager, hospital.organization, 'theirs', kinds)
const elsewhere = await world.participant(hospital.manager, hospital.organization, theirs.id, kinds, 'Wes')
const one = await enrolled('Wes')
const other = await enrolled('Vic')
await account(one.patient, elsewhere)
const vics = await account(other.patient)
const researcher = await staffToken(study.researcher, 'user/*.rs')

/** This many days from now. */
const heartRate = (patient: string, days: number) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
  effectiveDateTime: new Date(Date.now() + days * 86_400_000).toISOString(),
  valueQuantity: { value: 61, unit: 'beats/min' },
})
const found = async (bearer: string, type: Resource['resourceType']): Promise<readonly string[]> => {
  const { entry = [] } = (await send(bearer, 'GET', type)).json()
  return entry.map(({ resource }: { resource: Resource }) => resource.id)
}
const scopeConsents = [
  { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate:2.0', consented: true },
]
const answer = { studyScopeConsents: [{ studyId: study.group, scopeConsents }] }

const redirected = async (invited: typeof one): Promise<string> => {
  const record = (await send(lab.manager, 'GET', `Patient/${invited.patient}`)).json() as Patient
  await update(lab.manager, { ...record, telecom: [{ system: 'email', value: 'insider@example.org' }] })
  return world.tokenOf(appToken(await invite(invited), world.app.id))
}

t.test('an app let in by whoever registered a patient neither answers for them nor reads their data', async t => {
  const own = await world.patientToken(elsewhere, 'patient/*.cruds')
  await create(own, heartRate(elsewhere, -1))
  const app = await redirected(one)
  const since = await create(own, heartRate(elsewhere, 0.5))
  t.same(await found(app, 'Observation'), [], 'nor what is measured since')
  t.equal((await send(app, 'GET', `Observation/${since.id}`)).statusCode, 404)
  const refused = await api(app, 'POST', `patients/${one.patient}/consents`, answer)
  t.match(refused, {
    status: 403,
    body: { detail: /until the patient says on their own page that the app is theirs/ },
  })
  t.same(await found(researcher, 'Observation'), [])
})

t.test('once the patient has confirmed that it is theirs, it works as any other app', async t => {
  const app = await redirected(other)
  const path = `patients/${other.patient}/consents`
  t.equal((await api(app, 'POST', path, answer)).status, 403)
  const { grantedApps } = world.server.authorization
  const [granted] = await grantedApps.list(vics)
  t.ok(await grantedApps.prove(vics, granted?.id ?? ''))
  t.equal((await api(app, 'POST', path, answer)).status, 201)
  const sent = await create(app, heartRate(other.patient, 0.5))
  t.same(await found(app, 'Observation'), [sent.id])
})

t.test(
  'an app that nobody has confirmed sees nothing that another app of the patient sends, and changes none of it',
  async t => {
    const two = await enrolled('Uma')
    const umas = await account(two.patient)
    const own = await world.tokenOf(appToken(await invite(two), world.app.id))
    const { grantedApps } = world.server.authorization
    t.ok(await grantedApps.prove(umas, (await grantedApps.list(umas))[0]?.id ?? ''))
    t.equal((await api(own, 'POST', `patients/${two.patient}/consents`, answer)).status, 201)
    const stranger = await redirected(two)
    const sent = await create(own, heartRate(two.patient, 0.5))
    t.same(await found(stranger, 'Observation'), [])
    t.equal((await send(stranger, 'GET', `Observation/${sent.id}`)).statusCode, 404)
    t.equal((await send(stranger, 'PUT', `Observation/${sent.id}`, { ...sent, status: 'amended' })).statusCode, 404)
    const by = await create(stranger, heartRate(two.patient, 0.6))
    t.same(await found(stranger, 'Observation'), [by.id], 'what it has sent itself it sees')
    t.same(new Set(await found(own, 'Observation')), new Set([sent.id, by.id]))
  },
)
