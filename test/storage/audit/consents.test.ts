import type { AuditEvent, Consent, Observation, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { canonicalBase, extensions, systems } from '../../../src/fhir/canonical.ts'
import { type AuditRecord, insertRecords } from '../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../../src/storage/audit/seal/verify.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Step } from '../../support/plan.ts'
import { consent, openStudies } from '../../support/study.ts'
import { tamper } from './recorded.ts'

const world = await openStudies()
const { server, database, send, create, update, staffToken, patientToken } = world
t.teardown(() => server.close())
const key = auditKeyOf(Buffer.alloc(32, 7))
const staffRole = `${canonicalBase}/CodeSystem/staff-role`
const kinds = ['heart-rate', 'body-weight'].map(name => `omh:${name}`)

const { organization, manager } = await world.institution('clinic')
const study = await world.study(manager, organization, 'Hearts', kinds)
const researcher = await staffToken(study.researcher, 'user/*.rs')
const ann = await world.participant(manager, organization, study.id, ['omh:heart-rate'], 'Ann')
const bob = await world.participant(manager, organization, study.id, kinds, 'Bob')
const heartRate = (patient: string): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-03-01T12:00:00Z',
})
for (const patient of [ann, bob])
  await create(await patientToken(patient, 'patient/Observation.cruds'), heartRate(patient))

const read = (query = '') => send(researcher, 'GET', `Observation?_count=50${query}`)
const consentOf = async (patient: string): Promise<Consent> => {
  const found = await send(await patientToken(patient, 'patient/*.rs'), 'GET', 'Consent')
  return found.json().entry[0].resource
}
/** The AuditEvents that were recorded while it ran; none is sealed before it ends. */
const toldOf = async (run: () => Promise<unknown>, patient: string) => {
  await sealAudit(database, key)
  const { now } = await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)
  await run()
  await sealAudit(database, key)
  const bearer = await patientToken(patient, 'patient/AuditEvent.rs')
  const answer = await send(
    bearer,
    'GET',
    `AuditEvent?agent=Practitioner/${study.researcher.practitioner}&_lastUpdated=ge${now.toISOString()}`,
  )
  return (answer.json().entry ?? []).map((one: { resource: AuditEvent }) => one.resource)
}
const named = (event: AuditEvent, type: string) =>
  (event.entity ?? []).flatMap(({ what: { reference = '' } = {} }) =>
    reference.startsWith(`${type}/`) ? [reference] : [],
  )

t.test('an access says which version of which Consent allowed it, and for which study', async t => {
  const consent = await consentOf(ann)
  const [event, ...others] = await toldOf(() => read(), ann)
  t.strictSame(others, [])
  t.strictSame(named(event, 'Consent'), [`Consent/${consent.id}/_history/1`])
  t.strictSame(named(event, 'ResearchStudy'), [`ResearchStudy/${study.id}`])
  t.match(
    event.entity.find(({ what }: { what?: { reference?: string } }) => what?.reference?.startsWith('Consent/')),
    { type: { system: 'http://hl7.org/fhir/resource-types', code: 'Consent' } },
  )
  t.strictSame(named(event, 'Patient'), [`Patient/${ann}`], 'nobody else is named in it')
  const found = await send(
    await patientToken(ann, 'patient/AuditEvent.rs'),
    'GET',
    `AuditEvent?entity=Consent/${consent.id}`,
  )
  t.ok(found.json().entry.length > 0, 'it is found by the Consent')
  const [latest] = await readDisclosures(database, { patient: ann })
  t.strictSame(
    [latest?.studies, latest?.consents],
    [[study.id], [`Consent/${consent.id}/_history/1`]],
    'nor is the Consent of another whose data was in the same answer accounted for as theirs',
  )
})

t.test('a Consent to other kinds than were answered did not allow it', async t => {
  const events = await toldOf(() => read(`&code=omh:body-weight&patient=${ann}`), ann)
  t.strictSame(
    events.map((event: AuditEvent) => named(event, 'Patient')),
    [[`Patient/${ann}`]],
  )
  await create(await patientToken(bob, 'patient/Observation.cruds'), {
    ...heartRate(bob),
    code: { coding: [{ system: systems.loinc, code: '29463-7' }] },
  })
  const both = await toldOf(() => read('&code=http://loinc.org|29463-7&_include=Observation:subject'), ann)
  t.strictSame(both, [], 'the answer had none of her data')
})

t.test('figures name no Consent to kinds from which they were not made', async t => {
  const hearts = await consentOf(bob)
  const weights = await world.study(manager, organization, 'Weights', ['omh:body-weight'])
  await world.enrol(manager, weights.id, bob)
  await create(
    await patientToken(bob, 'patient/Consent.cruds'),
    consent(bob, weights.id, organization, ['omh:body-weight']),
  )
  await create(await patientToken(bob, 'patient/Observation.cruds'), {
    ...heartRate(bob),
    valueQuantity: { value: 70, system: systems.ucum, code: '/min' },
  })
  const code = 'code=http://loinc.org|8867-4'
  for (const asked of ['$stats?statistic=count', '$series?start=2026-01-01&unit=/min']) {
    const events = await toldOf(
      () => send(researcher, 'GET', `Observation/${asked}&${code}&subject=Patient/${bob}`),
      bob,
    )
    t.strictSame(
      events.map((event: AuditEvent) => named(event, 'Consent')),
      [[`Consent/${hearts.id}/_history/1`]],
      asked,
    )
  }
})

t.test('changes before the record is sealed do not change what it says', async t => {
  const consent = await consentOf(ann)
  const own = await patientToken(ann, 'patient/Consent.cruds')
  const before = `Consent/${consent.id}/_history/${consent.meta?.versionId}`
  const { resource } = (await send(manager, 'GET', `ResearchStudy?_id=${study.id}`)).json().entry[0]
  const without: ResearchStudy = { ...resource, extension: resource.extension.filter(isNoStaff) }
  const [event] = await toldOf(async () => {
    await read()
    await database.run(sql.fragment`SELECT pg_sleep(1.1)`)
    await update(manager, without)
    await update(own, { ...consent, provision: { ...consent.provision, period: { end: '2100-01-01' } } })
  }, ann)
  t.strictSame(named(event, 'Consent'), [before], 'the staff and the version as they were')
  await update(manager, resource)
  t.strictSame((await verifyAudit(database, key)).kind, 'whole')
  await sealAudit(database, key)
  const again = (await send(await patientToken(ann, 'patient/AuditEvent.rs'), 'GET', `AuditEvent/${event.id}`)).json()
  t.strictSame(again, event)
  const [now] = await toldOf(() => read(), ann)
  t.strictSame(named(now, 'Consent'), [`Consent/${consent.id}/_history/2`])
})

t.test('what has changed hours before it is sealed still counts, however many passes that takes', async t => {
  const consent = await consentOf(ann)
  const own = await patientToken(ann, 'patient/Consent.cruds')
  await sealAudit(database, key)
  const { last } = await database.one<{ last: string }>(sql.fragment`SELECT max(id) AS last FROM audit_record`)
  await read(`&patient=${bob}`)
  await read(`&patient=${ann}`)
  await database.run(sql.fragment`SELECT pg_sleep(1.1)`)
  await update(own, { ...consent, provision: { ...consent.provision, period: { end: '2099-01-01' } } })
  await tamper(
    database,
    sql.fragment`UPDATE audit_record SET recorded = recorded - interval '2 hours' WHERE id > ${last}::bigint`,
    sql.fragment`UPDATE audit_ended SET ended = ended - interval '2 hours',
      row = row || CASE WHEN row ? 'since' THEN '{"since": "-infinity"}'::jsonb ELSE '{}' END`,
  )
  await sealAudit(database, key, { mostAtOnce: 1 })
  const noted = await database.any<{ consent: string; version: number }>(sql.fragment`
    SELECT consent, version FROM audit_consent WHERE record > ${last}::bigint AND consent = ${consent.id ?? ''}`)
  t.strictSame(noted, [{ consent: consent.id, version: Number(consent.meta?.versionId) }])
  const left = await database.any(sql.fragment`SELECT FROM audit_ended WHERE ended < now() - interval '1 hour'`)
  t.equal(left.length, 0, 'and then it is not kept')
})

t.test(
  'of what has ended, as everything does in a reindex, the sealer reads only what those concerned had',
  async t => {
    await database.run(sql.fragment`
    INSERT INTO audit_ended (source, row)
    SELECT 'study_group_observation_consents', to_jsonb(permit) || jsonb_build_object('patient_id', 1000 + number)
    FROM study_group_observation_consents AS permit CROSS JOIN generate_series(1, 300) AS number
    UNION ALL
    SELECT 'practitioner_grantee', to_jsonb(reached) || jsonb_build_object('practitioner', 'other-' || number)
    FROM practitioner_grantee AS reached CROSS JOIN generate_series(1, 300) AS number`)
    await sealAudit(database, key)
    await read(`&patient=${ann}`)
    let looked: unknown
    const undone = database.transaction(async connection => {
      await connection.any(sql.fragment`SELECT note_audit_consents(ARRAY(SELECT max(id) FROM audit_record))`)
      looked = await connection.one(sql.fragment`
      SELECT (seq_tup_read + idx_tup_fetch < 50) AS few, (SELECT count(*) > 300 FROM audit_ended) AS many
      FROM pg_stat_xact_user_tables WHERE relname = 'audit_ended'`)
      throw new Error('undone')
    })
    await t.rejects(undone, { message: 'undone' })
    t.strictSame(looked, { few: true, many: true })
  },
)

const isNoStaff = ({ url }: { readonly url: string }) => !url.endsWith('/staff')

t.test('officers see the Consents of their own tenant, and of no other', async t => {
  const officer = await world.officer(organization, 'officer')
  await sealAudit(database, key)
  const whole = (await send(officer, 'GET', 'AuditEvent?_count=100')).json().entry
  const [event] = whole.filter(({ resource }: { resource: AuditEvent }) => named(resource, 'Consent').length > 1)
  t.strictSame(named(event.resource, 'Patient').length, 2)
  const { told } = await database.one<{ told: string }>(sql.fragment`
    SELECT count(*) AS told FROM audit_shown, audit_consents_shown(record, subjects, 'another')`)
  t.equal(told, '0', 'an organization of another tenant')
})

t.test('for that, the organizations of others are not gone through', async t => {
  await database.run(sql.fragment`
    INSERT INTO organization_node (id, parent, tenant)
    SELECT 'many-' || number, NULL, 'many-' || number FROM generate_series(1, 30_000) AS number`)
  const [row] = await database.any<{ 'QUERY PLAN': readonly { readonly Plan: Step }[] }>(sql.fragment`
    EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS)
    SELECT FROM audit_shown, audit_consents_shown(record, subjects, 'many-1')`)
  const blocks = Number(row?.['QUERY PLAN'][0]?.Plan['Shared Hit Blocks'])
  await database.run(sql.fragment`DELETE FROM organization_node WHERE id LIKE 'many-%'`)
  t.ok(blocks < 2000, `${blocks} blocks were read`)
})

t.test('a Consent to an organization beside it allowed it too, and names no study', async t => {
  const cay = await world.participant(manager, organization, study.id, ['omh:heart-rate'], 'Cay')
  const own = await patientToken(cay, 'patient/*.cruds patient/Consent.cruds')
  await create(own, heartRate(cay))
  const { extension: _, sourceAttachment: __, ...given } = consent(cay, study.id, organization, ['omh:heart-rate'])
  const { id } = await create(own, {
    ...given,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  })
  await read(`&patient=${cay}`)
  await sealAudit(database, key)
  const [latest] = await readDisclosures(database, { patient: cay })
  t.match(latest, { interaction: 'search-type', studies: [study.id] })
  t.equal(latest?.consents.length, 2)
  t.ok(latest?.consents.includes(`Consent/${id}/_history/1`))
})

/** How many Consents are noted of each record about the patient: of what the study’s researcher did, unless a client is named. */
const notedOfEach = async (
  patient: string,
  each: readonly Partial<AuditRecord>[],
  beforeSealed = async () => {},
): Promise<readonly number[]> => {
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${patient}`,
  )
  const search = { client: 'cli', interaction: 'search-type', type: 'Observation', outcome: 200, patients: [number] }
  const { practitioner } = study.researcher
  await insertRecords(
    database,
    each.map(one => ({ ...(one.client === undefined && { practitioner }), ...search, ...one })),
  )
  const ids = sql.fragment`SELECT id FROM audit_record ORDER BY id DESC LIMIT ${each.length}`
  const records = await database.any<{ id: string }>(
    sql.fragment`SELECT id::text FROM (${ids}) AS last ORDER BY id::bigint`,
  )
  await beforeSealed()
  await sealAudit(database, key)
  const noted = await database.any<{ consents: number }>(sql.fragment`
    SELECT (SELECT count(*) FROM audit_consent WHERE record = id)::integer AS consents
    FROM unnest(${sql.array(
      records.map(({ id }) => id),
      'int8',
    )}) WITH ORDINALITY AS one(id, place) ORDER BY place`)
  return noted.map(({ consents }) => consents)
}
const notedOf = async (patient: string, more: Partial<AuditRecord> = {}) => (await notedOfEach(patient, [more]))[0]

t.test('Consents are noted of what others were answered, and not of what they wrote or were refused', async t => {
  const dan = await world.participant(manager, organization, study.id, ['omh:heart-rate'], 'Dan')
  await registerClient(database, { id: 'of-clinic', name: 'Service', organization, policies: [] })
  const byService = { client: 'of-clinic' }
  t.strictSame(
    [
      await notedOf(dan),
      await notedOf(dan, byService),
      await notedOf(dan, { outcome: 403 }),
      await notedOf(dan, { interaction: 'update' }),
      await notedOf(dan, { ...byService, patient: dan }),
    ],
    [1, 1, 0, 0, 0],
    'the last one by themselves, through an app of the organization',
  )
})

t.test('a Consent that is only asked for, is over or gives something else has allowed nothing', async t => {
  const hearts = ['omh:heart-rate']
  const enrolled = async (name: string) => {
    const { id } = await create(manager, {
      resourceType: 'Patient',
      name: [{ family: name }],
      managingOrganization: { reference: `Organization/${organization}` },
    })
    await world.enrol(manager, study.id, id)
    return { id, own: await patientToken(id, 'patient/Consent.cruds') }
  }
  const asked = await enrolled('Eve')
  await create(manager, { ...consent(asked.id, study.id, organization, hearts), status: 'proposed' })
  const over = await enrolled('Fay')
  const { provision, ...given } = consent(over.id, study.id, organization, hearts)
  await create(over.own, { ...given, provision: { ...provision, period: { end: '2026-01-01' } } })
  const elsewhere = await enrolled('Gus')
  const other = await world.study(manager, organization, 'Other', hearts)
  await world.enrol(manager, other.id, elsewhere.id)
  await create(elsewhere.own, consent(elsewhere.id, other.id, organization, hearts))
  const { weight } = await database.one<{ weight: number }>(
    sql.fragment`SELECT kind_id AS weight FROM kind WHERE key = 'omh:body-weight'`,
  )
  const ended = await enrolled('Hal')
  const stood = await create(ended.own, consent(ended.id, study.id, organization, hearts))
  const ofStudy = { study: study.id }
  const typed = await enrolled('Ivy')
  await world.enrol(manager, other.id, typed.id)
  const { resource } = (await send(manager, 'GET', `ResearchStudy?_id=${other.id}`)).json().entry[0]
  const conditions = { system: 'http://hl7.org/fhir/resource-types', code: 'Condition' }
  const asksConditions = { url: extensions.requestedData, extension: [{ url: 'class', valueCoding: conditions }] }
  await update(manager, { ...resource, extension: [...resource.extension, asksConditions] })
  const { provision: whole, ...ofConditions } = consent(typed.id, other.id, organization, hearts)
  const [permit] = whole?.provision ?? []
  const { code: _, ...one } = permit ?? {}
  const wholly = { ...whole, provision: [{ ...one, class: [conditions] }] }
  await create(typed.own, { ...ofConditions, provision: wholly })
  const byOther = { practitioner: other.researcher.practitioner }
  t.strictSame(
    [await notedOf(ended.id, ofStudy), await notedOf(typed.id, { ...byOther, type: 'Condition' })],
    [1, 1],
    'what stands',
  )
  t.strictSame(
    [
      await notedOf(asked.id),
      await notedOf(over.id),
      await notedOf(elsewhere.id, ofStudy),
      await notedOf(ended.id, { kinds: [weight] }),
      await notedOf(typed.id, byOther),
    ],
    [0, 0, 0, 0, 0],
    'asked, over, to another study than that of the token, to another kind, to a type that is not read',
  )
  t.strictSame(await notedOfEach(elsewhere.id, [ofStudy, {}]), [0, 1], 'at the same time, by both tokens')
  await update(ended.own, { ...stood, status: 'inactive' })
  await database.run(sql.fragment`SELECT pg_sleep(1.1)`)
  t.equal(await notedOf(ended.id), 0, 'and none once it has ended')
})

t.test('a Consent has allowed nothing to whom it does not reach at the time', async t => {
  const elsewhere = await world.institution('elsewhere')
  const guest = async () => (await create(elsewhere.manager, { resourceType: 'Practitioner' })).id
  const [past, gone] = [await guest(), await guest()]
  const named = (practitioner: string, period: object) => ({
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
      { url: 'role', valueCodeableConcept: { coding: [{ system: staffRole, code: 'collaborator' }] } },
      { url: 'period', valuePeriod: period },
    ],
  })
  const { id } = await world.study(manager, organization, 'Last', ['omh:heart-rate'])
  const { resource } = (await send(manager, 'GET', `ResearchStudy?_id=${id}`)).json().entry[0]
  const over = { start: '2025-01-01', end: '2026-01-01' }
  const extension = [...resource.extension, named(past, over)]
  await update(manager, { ...resource, extension: [...extension, named(gone, { start: '2025-01-01' })] })
  const kay = await world.participant(manager, organization, id, ['omh:heart-rate'], 'Kay')
  const noted = async () => [
    await notedOf(kay, { practitioner: past }),
    await notedOf(kay, { practitioner: gone }),
    await notedOf(kay, { client: 'of-clinic' }),
  ]
  const after = async (study: object) => {
    await update(manager, { ...resource, ...study })
    // Whatever reached somebody in the second of the record, or in the one before, may have let them.
    await database.run(sql.fragment`SELECT pg_sleep(2.1)`)
    return noted()
  }
  t.strictSame(await noted(), [0, 1, 1])
  const [read] = await notedOfEach(kay, [{ practitioner: gone }], async () => {
    await update(manager, { ...resource, extension })
  })
  t.equal(read, 1, 'if they were of the staff, which changed before it was sealed')
  t.strictSame(await after({ extension }), [0, 0, 1])
  t.strictSame(await after({ extension, status: 'completed' }), [0, 0, 0])
})

t.test('officers are told of a Consent that somebody of theirs was given by name', async t => {
  const { id } = await create(manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const { provision: _, sourceAttachment: __, ...given } = consent(id, study.id, organization, [])
  const actor = {
    role: { coding: [{ code: 'IRCP' }] },
    reference: { reference: `Practitioner/${study.researcher.practitioner}` },
  }
  const code = [{ coding: [{ system: systems.omh, code: 'omh:heart-rate' }] }]
  await create(await patientToken(id, 'patient/Consent.cruds'), {
    ...given,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    provision: { type: 'deny', actor: [actor], provision: [{ type: 'permit', code, dataPeriod: { start: '2000' } }] },
  })
  t.equal(await notedOf(id), 1)
  const told = await database.any(sql.fragment`
    SELECT given_to AS to FROM audit_consents_shown((SELECT max(id) FROM audit_record), ARRAY[${id}], ${organization})`)
  t.strictSame(told, [{ to: `Practitioner/${study.researcher.practitioner}` }])
})

t.test('which Consent it was can neither be changed nor removed, and tampering with it is detected', async t => {
  await t.rejects(database.run(sql.fragment`UPDATE audit_consent SET version = 9`))
  await t.rejects(database.run(sql.fragment`DELETE FROM audit_consent`))
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL session_replication_role = replica`)
    await connection.run(sql.fragment`UPDATE audit_consent SET version = 9`)
  })
  t.match(await verifyAudit(database, key), { kind: 'broken', bad: /^seal \d+ is not what was sealed$/ })
})
