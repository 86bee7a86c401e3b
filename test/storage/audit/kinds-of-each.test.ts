import type { AuditEvent, Bundle, BundleEntry, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../../src/storage/audit/seal/verify.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser } from '../../support/browser.ts'
import { consent, openStudies } from '../../support/study.ts'
import { tamper } from './recorded.ts'

const world = await openStudies()
const { server, database, send, create, staffToken, patientToken } = world
t.teardown(() => server.close())
const key = auditKeyOf(Buffer.alloc(32, 7))
const [heart, weight] = ['omh:heart-rate', 'omh:body-weight']

const { organization, manager } = await world.institution('clinic')
const officer = await world.officer(organization, 'officer')
const study = await world.study(manager, organization, 'Hearts', [heart, weight])
const weights = await world.study(manager, organization, 'Weights', [weight])
const researcher = await staffToken(study.researcher, 'user/*.rs')
const early = await create(manager, {
  resourceType: 'Patient',
  name: [{ family: 'Bauer' }],
  managingOrganization: { reference: `Organization/${organization}` },
})
const ann = await world.participant(manager, organization, study.id, [heart], 'Anders')
const bob = await world.participant(manager, organization, study.id, [heart, weight], 'Bauer')
const cid = await world.participant(manager, organization, study.id, [heart, weight], 'Castillo')
const loinc = { [heart]: '8867-4', [weight]: '29463-7' }
const measured = (patient: string, kind: string): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: systems.loinc, code: loinc[kind] ?? '' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-03-01T12:00:00Z',
})
for (const [patient, kind] of [
  [ann, heart],
  [bob, heart],
  [bob, weight],
] as const)
  await create(await patientToken(patient, 'patient/Observation.cruds'), measured(patient, kind))

const shown = async (bearer: string, since: Date): Promise<readonly AuditEvent[]> => {
  const query = `agent=Practitioner/${study.researcher.practitioner}&_lastUpdated=ge${since.toISOString()}`
  const bundle: Bundle<AuditEvent> = (await send(bearer, 'GET', `AuditEvent?${query}`)).json()
  return (bundle.entry ?? []).flatMap(({ resource }) => resource ?? [])
}
const kindsIn = ({ entity = [] }: AuditEvent) => entity.flatMap(({ detail = [] }) => detail.map(one => one.valueString))

/** The kinds that each of them is shown for what was done meanwhile, and whether the record keeps them apart. */
const toldOf = async (run: () => Promise<unknown>) => {
  await sealAudit(database, key)
  const { now } = await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)
  await run()
  const rows = await database.any<{ isApart: boolean }>(sql.fragment`
    SELECT kinds_of IS NOT NULL AS "isApart" FROM audit_record WHERE recorded >= ${now.toISOString()}::timestamptz AND kinds <> '{}'`)
  await sealAudit(database, key)
  const own = async (patient: string) => {
    const events = await shown(await patientToken(patient, 'patient/AuditEvent.rs'), now)
    const disclosed = await readDisclosures(database, { patient, since: now })
    t.strictSame(
      disclosed.map(({ kinds }) => kinds),
      events.map(kindsIn),
      'they are accounted for as they are shown',
    )
    return events.map(kindsIn).filter(({ length }) => length > 0)
  }
  return {
    ann: await own(ann),
    bob: await own(bob),
    cid: await own(cid),
    officer: (await shown(officer, now)).map(kindsIn).filter(({ length }) => length > 0),
    isApart: rows.map(({ isApart }) => isApart),
  }
}
const get = (path: string) => async () => t.equal((await send(researcher, 'GET', path)).statusCode, 200, path)
const both = [weight, heart]
const apart = { ann: [[heart]], bob: [both], cid: [], officer: [both], isApart: [true] }

t.test(
  'for an answer about several patients, each patient is shown the kinds of their own data, and the officer all',
  async t => {
    t.strictSame(await toldOf(get('Observation?_count=50')), apart, 'a search')
    t.strictSame(await toldOf(get(`Observation/$lastn?patient=${ann},${bob}&max=1`)), apart, 'the latest of each')
    t.strictSame(
      await toldOf(get(`Observation?patient=${ann},${bob},${cid}`)),
      apart,
      'with a patient who was asked for in vain',
    )
    t.strictSame(
      await toldOf(get(`Observation?patient=${ann},${cid}`)),
      { ...apart, bob: [], officer: [[heart]] },
      'one kind, and somebody who has none',
    )
    const entry = [ann, bob].map(
      (patient): BundleEntry => ({ request: { method: 'GET', url: `Observation?patient=${patient}` } }),
    )
    t.strictSame(
      await toldOf(async () => {
        const answer = await send(researcher, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
        t.equal(answer.statusCode, 200)
      }),
      apart,
      'a transaction',
    )
  },
)

t.test('so it is for the page of a study whose participants have newest readings of several kinds', async t => {
  const { person } = study.researcher
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const told = await toldOf(async () => t.equal((await browser.get(`/studies/${study.id}`)).status, 200))
  t.strictSame([told.ann, told.bob], [[[heart]], [[weight]]])
})

t.test('if the kinds of each follow from the two lists, nothing more is kept', async t => {
  const one = { ...apart, ann: [], isApart: [false] }
  t.strictSame(await toldOf(get(`Observation?patient=${bob}`)), one, 'one patient')
  t.strictSame(await toldOf(get(`Observation/$lastn?patient=${bob}&max=1`)), one)
  const code = `code=${systems.loinc}|${loinc[heart]}`
  const hearts = { ...apart, bob: [[heart]], officer: [[heart]], isApart: [false] }
  t.strictSame(await toldOf(get(`Observation?${code}`)), hearts, 'one kind')
  t.strictSame(await toldOf(get(`Observation/$lastn?patient=${ann},${bob}&${code}`)), hearts)
})

t.test('a Consent that covers only kinds of which others’ data was answered did not allow the access', async t => {
  await world.enrol(manager, weights.id, ann)
  const own = await patientToken(ann, 'patient/Consent.cruds')
  await create(own, consent(ann, weights.id, organization, [weight]))
  const [works, where] = await Promise.all(
    [study, weights].map(async ({ id }) => (await send(manager, 'GET', `ResearchStudy/${id}`)).json()),
  )
  const isStaff = ({ url }: { readonly url: string }) => url.endsWith('/staff')
  await world.update(manager, { ...where, extension: [...where.extension, ...works.extension.filter(isStaff)] })
  const told = async (run: () => Promise<unknown>) => {
    const { now } = await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)
    await run()
    await sealAudit(database, key)
    const [last] = await readDisclosures(database, { patient: ann, since: now })
    return last?.studies
  }
  t.strictSame(await told(get('Observation?_count=50')), [study.id])
})

t.test('changing whose kinds they were is detected', async t => {
  t.match(await verifyAudit(database, key), { kind: 'whole' })
  const { id, seal } = await database.one<{ id: string; seal: string }>(sql.fragment`
    SELECT id::text, seal::text FROM audit_record JOIN audit_seal ON id = ANY(ids) WHERE kinds_of IS NOT NULL ORDER BY id LIMIT 1`)
  for (const change of [sql.fragment`NULL`, sql.fragment`'{}'`]) {
    const before = await database.one<{ said: string }>(sql.fragment`
      SELECT kinds_of::text AS said FROM audit_record WHERE id = ${id}::bigint`)
    await tamper(database, sql.fragment`UPDATE audit_record SET kinds_of = ${change} WHERE id = ${id}::bigint`)
    t.strictSame(await verifyAudit(database, key), {
      kind: 'broken',
      bad: `row ${id}, which seal ${seal} has, was changed`,
    })
    await tamper(
      database,
      sql.fragment`UPDATE audit_record SET kinds_of = ${before.said}::jsonb WHERE id = ${id}::bigint`,
    )
    t.match(await verifyAudit(database, key), { kind: 'whole' })
  }
})

t.test('patients are still shown the same kinds after their records were joined with others', async t => {
  const since = new Date(0)
  const told = async () =>
    (await readDisclosures(database, { patient: bob, since }))
      .map(({ kinds }) => kinds)
      .filter(({ length }) => length > 0)
  const events = async () => (await shown(await patientToken(bob, 'patient/AuditEvent.rs'), since)).map(kindsIn)
  await sealAudit(database, key)
  const [before, shownBefore] = [await told(), await events()]
  t.ok(before.some(({ length }) => length === 1))
  await database.run(sql.fragment`
    SELECT join_compartments((SELECT patient_id FROM patient_compartment WHERE id = ${early.id}),
      (SELECT patient_id FROM patient_compartment WHERE id = ${bob}))`)
  t.strictSame(await told(), before)
  t.strictSame(await events(), shownBefore)
  t.match(await verifyAudit(database, key), { kind: 'whole' })
})
