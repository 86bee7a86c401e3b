import t from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { consent, openStudies } from '../support/study.ts'

/** Two records of one human: as the first they left a study, and only later they came into it as the second. */
const world = await openStudies()
const { server, create, update, patientToken, staffToken } = world
t.teardown(() => server.close())

const lab = await world.institution('lab')
const heartRate = 'omh:heart-rate'
const study = await world.study(lab.manager, lab.organization, 'hearts', [heartRate])
const researcher = await staffToken(study.researcher, 'user/*.rs')

const get = async (bearer: string, url: string) =>
  (await server.inject({ url: `/fhir/${url}`, headers: { authorization: `Bearer ${bearer}` } })).json()

const openRecord = async () => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: heartRate }] },
    subject: { reference: `Patient/${id}` },
    effectiveDateTime: '2199-01-01',
  })
  const own = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const read = async () => (await get(researcher, `Observation?patient=${id}`)).entry?.length ?? 0
  return { id, own, read, enrol: () => world.enrol(lab.manager, study.id, id) }
}

/** `dateTime`: when they signed as the second record. */
const openLeft = async (signedAt: (leftAt: Date) => string) => {
  const [first, second] = [await openRecord(), await openRecord()]
  const place = await first.enrol()
  await create(first.own, consent(first.id, study.id, lab.organization, [heartRate]))
  t.equal(await first.read(), 1)
  await update(first.own, { ...place, status: 'withdrawn' })
  const leftAt = new Date()
  t.equal(await first.read(), 0)
  await second.enrol()
  const given = { ...consent(second.id, study.id, lab.organization, [heartRate]), dateTime: signedAt(leftAt) }
  const { id } = await create(second.own, given)
  t.equal(await second.read(), 1)
  await create('everything', {
    resourceType: 'Person',
    link: [first, second].map(one => ({ target: { reference: `Patient/${one.id}` } })),
  })
  return { first, second, consent: await get('everything', `Consent/${id}`) }
}

t.test('what was signed before leaving as one record does not count for both once they are joined', async t => {
  const { first, second, consent } = await openLeft(leftAt => new Date(leftAt.getTime() - 3_600_000).toISOString())
  t.same([await first.read(), await second.read()], [0, 0])
  t.equal(consent.status, 'inactive')
  t.match(JSON.stringify(consent.extension), /"left-before-joining"/)
})

t.test('what was signed after leaving counts for both', async t => {
  const { first, second, consent } = await openLeft(() => new Date().toISOString())
  t.same([await first.read(), await second.read()], [2, 2])
  t.equal(consent.status, 'active')
})
