import type { Consent, ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { givenToStudy, studyNamed } from '../../../../src/access/consent-study.ts'
import { standardExtensions } from '../../../../src/fhir/canonical.ts'
import { FhirError } from '../../../../src/fhir/error.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { migrateAgain } from '../../../support/migrate-again.ts'
import * as w from '../world.ts'

const weight = 'omh:body-weight'
const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { database, put, see, storeOf } = world

await put(
  w.organization('lab'),
  w.organization('home'),
  w.study('sleep', 'lab', [w.requests(weight), w.works('nurse', 'researcher')]),
  w.study('keeper', 'lab', [w.requests(weight), w.patientText('1', 'We keep it.', 'keep')]),
  w.study('gait', 'lab', [w.requests(weight), w.works('coach', 'researcher')]),
)

/** To the study, which it names in its provision. */
const given = (study: string, patient: string, permits: readonly ConsentProvision[] = [w.permit(weight)]): Consent => {
  const { id: _, extension: __, ...rest } = w.consent(study, patient, 'active', permits)
  return { ...rest, dateTime: new Date().toISOString(), provision: givenToStudy(study, rest.provision ?? {}) }
}
const beside = (consent: Consent, study: string): Consent => ({
  ...consent,
  extension: [
    { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${study}` } },
  ],
})

let made = 0
/** Somebody in the study of sleep, and their app. */
const openPatient = async () => {
  const patient = `ann-${++made}`
  await put(w.registered(patient, 'home'), w.enrols('sleep', patient), w.measured(`of-${patient}`, patient, weight))
  const own = storeOf(w.patient(patient, 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
  const write = async (resource: Consent, id = resource.id) => {
    const [written] = await own.write([
      id === undefined ? { kind: 'create', resource } : { kind: 'update', id, resource: { ...resource, id } },
    ])
    if (written?.outcome !== 'refused') return { outcome: written?.outcome, id: written?.id ?? '' }
    return {
      outcome: written.error instanceof FhirError ? written.error.status : 500,
      id: '',
      why: written.error.message,
    }
  }
  const reads = (practitioner: string) =>
    see(storeOf(w.staff(practitioner)), 'Observation', `patient=Patient/${patient}`)
  return { patient, own, write, reads, reading: [`of-${patient}`] }
}

t.test('what is given in the provision is given, found by its study, and for no study that did not ask', async t => {
  const { patient, own, write, reads, reading } = await openPatient()
  t.match(await write(given('gait', patient)), { outcome: 403 })
  const since = given('sleep', patient, [w.permit(weight, { dataPeriod: { start: '2026' } })])
  const { id } = await write(since)
  t.same([await reads('nurse'), await reads('coach')], [reading, []])
  t.same(await see(storeOf(w.staff('nurse')), 'Consent', 'study=ResearchStudy/sleep'), [id])
  t.same(await see(own, 'Consent', 'study=ResearchStudy/gait'), [])
  await world.deriveAnew()
  t.same([await reads('nurse'), await reads('coach')], [reading, []], 'also once all is derived anew')
})

t.test('the function in SQL finds the same study', async t => {
  const studies = [
    'ResearchStudy/sleep',
    'ResearchStudy/gait',
    'Group/g',
    'https://x.example/ResearchStudy/sleep',
    undefined,
  ]
  const contexts = studies.map(reference => ({
    url: standardExtensions.consentResearchStudyContext,
    ...(reference && { valueReference: { reference } }),
  }))
  const places = [
    [],
    ...contexts.map(one => [one]),
    [contexts[0], contexts[0]],
    [contexts[0], contexts[1]],
    [{ url: 'x' }],
  ]
  const { extension: _, ...plain } = w.consent('sleep', 'ann', 'active', [])
  const all = places.flatMap(within =>
    places.map(
      outside => ({ ...plain, extension: outside, provision: { type: 'deny', extension: within } }) as Consent,
    ),
  )
  const found = await database.any<{ study: string | null }>(sql.fragment`
    SELECT consent_study(content) AS study
    FROM jsonb_array_elements(${JSON.stringify(all)}::jsonb) WITH ORDINALITY AS one(content, place) ORDER BY place`)
  t.same(
    found.map(({ study }) => study ?? undefined),
    all.map(studyNamed),
  )
  t.ok(all.filter(one => studyNamed(one) !== undefined).length > 4)
})

t.test('nobody gives anything by a Consent that names two studies, and whoever has one can end it', async t => {
  const { patient, write, reads } = await openPatient()
  const both = beside(given('sleep', patient), 'gait')
  t.match(await write(both), {
    outcome: 422,
    why: /names ResearchStudy\/sleep as its study, and .* ResearchStudy\/gait:/,
  })
  const { id } = await write(beside(given('sleep', patient), 'sleep'))
  t.match(await write(both, id), { outcome: 422 })
  await database.run(
    sql.fragment`UPDATE consent SET content = content || ${JSON.stringify({ extension: both.extension })}::jsonb WHERE id = ${id}`,
  )
  await again()
  t.same([await reads('nurse'), await reads('coach')], [[], []], 'neither reads by one that is here already')
  t.match(await write({ ...both, status: 'inactive' }, id), { outcome: 'updated' })
})

/** As if the Consents that are here had been stored before. */
const again = () => migrateAgain(world.url, ['-consent-study-in-provision.sql'], 'DROP TABLE unread_consent')

t.test(
  'what gave nothing because its study was not read gives nothing afterwards, until it is written anew',
  async t => {
    const { patient, write, reads, reading } = await openPatient()
    const ever = { dataPeriod: { start: '2026' } }
    const consent = given('sleep', patient, [w.permit(weight, ever)])
    const { id } = await write(consent)
    for (const table of ['consent_grantee', 'study_group_observation_consents'])
      await database.run(sql.fragment`DELETE FROM ${sql.identifier([table])} WHERE consent_id = ${id}`)
    await again()
    await world.deriveAnew()
    t.same(await reads('nurse'), [])
    const more = given('sleep', patient, [w.permit(weight, ever), w.permit(heartRate)])
    await database.run(
      sql.fragment`UPDATE consent SET content = content || ${JSON.stringify({ provision: more.provision })}::jsonb WHERE id = ${id}`,
    )
    t.match(await write({ ...more, language: 'en' }, id), { outcome: 422 }, 'it is held against what the study asks')
    t.match(await write({ ...consent, language: 'en' }, id), { outcome: 'updated' })
    t.same(await reads('nurse'), reading)
  },
)

t.test('what is given to somebody else, and mentions a study in its provision, goes on', async t => {
  const { patient, write } = await openPatient()
  const role = { coding: [{ code: 'IRCP' }] }
  const { provision = {}, ...rest } = given('sleep', patient)
  const { id } = await write({
    ...rest,
    scope: { coding: [{ code: 'patient-privacy' }] },
    provision: { ...provision, actor: [{ role, reference: { reference: 'Practitioner/doc' } }] },
  })
  const grantee = () =>
    database.any(sql.fragment`
      SELECT grantee.id FROM consent_grantee JOIN grantee USING (grantee) WHERE consent_grantee.consent_id = ${id}`)
  t.same(await grantee(), [{ id: 'doc' }])
  await again()
  await world.deriveAnew()
  t.same(await grantee(), [{ id: 'doc' }])
})

t.test('nor does the study keep anything of it once it has ended', async t => {
  const rowsOf = async (id: string) =>
    (await database.any(sql.fragment`SELECT FROM study_group_observation_consents WHERE consent_id = ${id}`)).length
  for (const isRead of [true, false]) {
    const { patient, write } = await openPatient()
    await put(w.enrols('keeper', patient))
    const consent = { ...given('keeper', patient), sourceAttachment: w.sourceOf('We keep it.') }
    const { id } = await write(consent)
    t.equal(await rowsOf(id), 1)
    if (!isRead) await again()
    t.match(await write({ ...consent, status: 'inactive' }, id), { outcome: 'updated' })
    t.equal(await rowsOf(id), isRead ? 1 : 0)
  }
})
