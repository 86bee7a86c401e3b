import type { Consent, ContactPoint, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send, staffToken } = world
t.teardown(() => server.close())

const kinds = ['omh:heart-rate']
const lab = await world.institution('lab')
const study = await world.study(lab.manager, lab.organization, 'hearts', kinds)
const coordinator = await (async () => {
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const staff = (stored.extension ?? []).find(({ url }) => url === extensions.staff)
  const role = { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } }
  const others = (stored.extension ?? []).filter(one => one !== staff)
  const entry = { ...staff, url: extensions.staff, extension: [...(staff?.extension ?? []).slice(0, 1), role] }
  await update(lab.manager, { ...stored, extension: [...others, entry] })
  return staffToken(study.researcher, 'user/Consent.crus user/ResearchSubject.rs user/ResearchStudy.rs')
})()

const read = async <R>(path: string): Promise<R> => (await send('everything', 'GET', path)).json()

/** Somebody who shares with the study, with their token, their Consent and their place. */
const sharing = async (name: string, address: ContactPoint = { system: 'email', value: `${name}@example.org` }) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    telecom: [address],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id: place } = await world.enrol(lab.manager, study.id, id)
  const own = await world.patientToken(id, 'patient/Consent.cruds patient/ResearchSubject.rus')
  const { id: given } = await create(own, consent(id, study.id, lab.organization, kinds))
  return { id, own, given: `Consent/${given}`, place: `ResearchSubject/${place}` }
}
/** What a patient is about to be told. */
const toldTo = (patient: string) =>
  database.any(sql.fragment`
    SELECT kind, channel, address, study_id AS study, state FROM study_message WHERE patient = ${patient} ORDER BY id`)
const inactive = async (given: string, text = 'She called'): Promise<Consent> => {
  const stored = await read<Consent>(given)
  const why = { url: inactivationReason, valueCodeableConcept: { text } }
  return { ...stored, status: 'inactive', extension: [...(stored.extension ?? []), why] }
}
const over = async (place: string, status: ResearchSubject['status']): Promise<ResearchSubject> => ({
  ...(await read<ResearchSubject>(place)),
  status,
})

t.test(
  'a patient is told once that staff have ended what they share, at the address at which they are invited',
  async t => {
    const { id, given } = await sharing('ann')
    await update(coordinator, await inactive(given))
    const told = {
      kind: 'ended-for',
      channel: 'email',
      address: 'ann@example.org',
      study: study.id,
      state: 'waiting',
    }
    t.strictSame(await toldTo(id), [told])
  },
)

t.test('of two who end it at once, one tells the patient', async t => {
  const { id, given } = await sharing('bea', { system: 'sms', value: '+4915100000000' })
  const nexts = [await inactive(given, 'He wrote'), await inactive(given)]
  const { answers } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const both = nexts.map(next => send(coordinator, 'PUT', given, next))
    await someoneWaits(connection, both.length)
    return { answers: Promise.all(both) }
  })
  t.same(
    (await answers).map(({ statusCode }) => statusCode),
    [200, 200],
  )
  t.match(await toldTo(id), [{ kind: 'ended-for', channel: 'sms', address: '+4915100000000' }])
  t.equal((await toldTo(id)).length, 1)
})

t.test('a patient who shares is told that staff have ended their place in the study', async t => {
  const { id, place } = await sharing('cleo')
  await update(lab.manager, await over(place, 'off-study'))
  t.match(await toldTo(id), [{ kind: 'place-ended', address: 'cleo@example.org' }])
  const { id: silent } = await create(lab.manager, {
    resourceType: 'Patient',
    telecom: [{ system: 'email', value: 'silent@example.org' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id: enrolled } = await world.enrol(lab.manager, study.id, silent)
  await update(lab.manager, await over(`ResearchSubject/${enrolled}`, 'not-registered'))
  t.strictSame(await toldTo(silent), [], 'whoever gave nothing may know nothing of it')
})

t.test('a place that ends by its period ends as well', async t => {
  const { id, place } = await sharing('dora')
  const stored = await read<ResearchSubject>(place)
  await update(lab.manager, { ...stored, period: { end: '2099-01-01' } })
  t.strictSame(await toldTo(id), [])
  await update(lab.manager, { ...(await read<ResearchSubject>(place)), period: { end: '2026-01-01' } })
  t.match(await toldTo(id), [{ kind: 'place-ended' }])
})

t.test('nobody is told of what they did themselves, by an app or with their account', async t => {
  const { id, own, given } = await sharing('eve')
  await update(own, await inactive(given))
  const { id: other, own: app, place } = await sharing('fay')
  await update(app, await over(place, 'withdrawn'))
  const { id: third, given: theirs } = await sharing('gil')
  const { id: person } = await create('everything', {
    resourceType: 'Person',
    link: [{ target: { reference: `Patient/${third}` } }],
  })
  const account = await staffToken({ person, email: 'gil@example.org' }, 'patient/Consent.cruds')
  await update(account, await inactive(theirs))
  t.strictSame(await Promise.all([id, other, third].map(toldTo)), [[], [], []])
})

t.test('nor of what is carried over from elsewhere', async t => {
  const { id, given, place } = await sharing('hal')
  await update('everything', await over(place, 'off-study'))
  await update('everything', await inactive(given))
  t.strictSame(await toldTo(id), [])
})

t.test('what is refused tells nobody, and neither does a record without an address', async t => {
  const { id, given } = await sharing('ida')
  const { extension: _, ...without } = await inactive(given)
  t.not((await send(coordinator, 'PUT', given, without)).statusCode, 200)
  t.strictSame(await toldTo(id), [])
  const { id: unreached, given: theirs } = await sharing('jon', { system: 'url', value: 'https://jon.example.org' })
  await update(coordinator, await inactive(theirs))
  t.strictSame(await toldTo(unreached), [])
})
