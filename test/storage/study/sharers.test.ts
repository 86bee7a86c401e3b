import type { Patient, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { accessOf } from '../../../src/access/rules.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria } from '../../../src/search/parse.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { SharersAsked } from '../../../src/storage/study/sharer-lists.ts'
import { readSharers } from '../../../src/storage/study/sharers.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import * as w from '../model/world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put, importer, storeOf } = world
const carol = w.staff('carol')
const kinds = ['omh:heart-rate']
const named = (id: string, organization: string, family: string): Patient => ({
  ...(w.registered(id, organization) as Patient),
  name: [{ family }],
})
const gives = (patient: string, display: string) => ({
  ...clinicalConsent(patient, { to: 'Practitioner/carol', kinds, display }),
  id: `by-${patient}`,
})
await put(
  w.organization('lab'),
  w.organization('clinic'),
  { resourceType: 'Practitioner', id: 'carol', name: [{ family: 'Carol' }] },
  w.role('carol', 'lab', 'viewer') as Resource,
)
const ends = (...consents: readonly string[]) =>
  importer.write(consents.map(id => ({ kind: 'delete', type: 'Consent', id })))

const asked: SharersAsked = { practitioner: 'carol', text: '', to: '', sort: 'name', limit: 20 }
const listed = async (more: Partial<SharersAsked> = {}) => {
  const { rows } = await storeOf(carol).sharers({ ...asked, ...more })
  return rows.map(({ consent }) => JSON.parse(consent).id)
}

t.test(
  'who is named anew is listed by the new name; and by what the Consent calls them if they cannot be read',
  async t => {
    await put(named('ann', 'lab', 'Mill'), named('bob', 'clinic', 'Aaron'), named('cem', 'lab', 'Oak'))
    await put(gives('ann', 'Zed'), gives('bob', 'Nobody Knows'), gives('cem', 'Abel'))
    t.same(await listed(), ['by-ann', 'by-bob', 'by-cem'])
    await put(named('ann', 'lab', 'Pine'), named('bob', 'clinic', 'Zzz'))
    t.same(await listed(), ['by-bob', 'by-cem', 'by-ann'])
    t.same(await listed({ text: 'pine' }), ['by-ann'])
    for (const sort of ['name', 'since', 'until', 'newest'] as const)
      for (const text of ['mill', 'zed', 'zzz', 'aaron', 'abel', '%'])
        t.same(await listed({ text, sort }), [], `${text} by ${sort}`)
    await importer.write([{ kind: 'delete', type: 'Patient', id: 'ann' }])
    t.same(await listed(), ['by-bob', 'by-cem', 'by-ann'], 'Zed')
  },
)

t.test('of one family name, people are listed by their given names, and before those whose name goes on', async t => {
  const called = (id: string, family: string, ...given: readonly string[]) => ({
    ...named(id, 'lab', family),
    name: [{ family, ...(given.length > 0 && { given: [...given] }) }],
  })
  const people = [
    called('ira', 'Noor Aziz', 'Ada'),
    called('jan', 'noor', 'Zoë'),
    called('kay', 'Noor', 'Amal', 'Zed'),
    called('lea', 'Noor', 'Amal', 'Bo'),
    called('max', 'Noor'),
  ]
  await put(...people, ...people.map(({ id = '' }) => gives(id, 'Said')))
  t.same(await listed({ text: 'noor' }), ['by-max', 'by-lea', 'by-kay', 'by-jan', 'by-ira'])
  await put(called('jan', 'Noor', 'Aaron'))
  t.same(await listed({ text: 'noor' }), ['by-max', 'by-jan', 'by-lea', 'by-kay', 'by-ira'])
  await ends(...people.map(({ id }) => `by-${id}`))
})

t.test('of two records of one human, the one that the Consent names says what they are called', async t => {
  const joined = (one: string, other: string): Resource => ({
    resourceType: 'Person',
    id: `both-${one}`,
    link: [one, other].map(id => ({ target: { reference: `Patient/${id}` } })),
  })
  await put(named('eli', 'lab', 'Dahl'), named('eli-too', 'lab', 'Ek'), joined('eli', 'eli-too'))
  await put(named('fay', 'lab', 'Falk'), named('fay-too', 'clinic', 'Gran'), joined('fay', 'fay-too'))
  await put(gives('eli-too', 'Hult'), gives('fay-too', 'Lind'))
  const found = async () => {
    const texts = ['dahl', 'ek', 'hult', 'falk', 'gran', 'lind']
    return Object.fromEntries(await Promise.all(texts.map(async text => [text, await listed({ text })])))
  }
  const before = await found()
  t.strictSame(before, { dahl: [], ek: ['by-eli-too'], hult: [], falk: [], gran: [], lind: ['by-fay-too'] })
  await put({ ...named('eli', 'lab', 'Dahl'), gender: 'male' }, { ...named('fay', 'lab', 'Falk'), gender: 'male' })
  t.strictSame(await found(), before, 'also once the other one is corrected')
  await ends('by-eli-too', 'by-fay-too')
})

t.test('what stands beside the Consents is as if it were derived anew', async t => {
  const rows = () => database.any(sql.fragment`SELECT * FROM care_consent ORDER BY consent_id`)
  const before = await rows()
  await world.deriveAnew()
  t.same(await rows(), before)
})

t.test('a name of any length is no obstacle', async t => {
  const long = 'n'.repeat(5000)
  await put(named('long', 'lab', long), gives('long', `${long} said`))
  t.same(await listed({ text: long.slice(0, 200) }), ['by-long'])
})

t.test('a page reads as many rows as it has, in each order that an index has, of any number of people', async t => {
  await put(named('many', 'lab', 'Many'), gives('many', 'Said'))
  // Two thousand who give the same; half of them are not known.
  await database.run(sql.fragment`
    INSERT INTO patient (patient_id, pk, id, version, last_updated, owner, author, tokens, content)
    SELECT number, number, 'many-' || number, version, last_updated, (ARRAY['lab', 'clinic'])[1 + number % 2], author, tokens,
      content || jsonb_build_object('id', 'many-' || number, 'name', jsonb_build_array(jsonb_build_object('family', 'Many ' || number)))
    FROM patient, generate_series(1000000, 1002000) AS number WHERE id = 'many'`)
  await database.run(sql.fragment`
    INSERT INTO consent (patient_id, pk, id, version, last_updated, owner, author, tokens, content)
    SELECT number, number, 'by-many-' || number, version, last_updated, owner, author, tokens,
      content || jsonb_build_object('id', 'by-many-' || number)
    FROM consent, generate_series(1000000, 1002000) AS number WHERE id = 'by-many'`)
  await database.run(sql.fragment`
    INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk, text_version, withdrawal, status, paper, answered)
    SELECT number, 'by-many-' || number, grantee, standing, number, text_version, withdrawal, status, paper, answered
    FROM consent_grantee, generate_series(1000000, 1002000) AS number WHERE consent_id = 'by-many'`)
  await database.run(sql.fragment`
    INSERT INTO study_group_observation_consents (patient_id, grantee, scope_action, kind_id, device_id, data_start, data_end,
      consented, valid_from, valid_to, stored_before, consent_id, version)
    SELECT number, grantee, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from, valid_to, stored_before,
      'by-many-' || number, version
    FROM study_group_observation_consents, generate_series(1000000, 1002000) AS number WHERE consent_id = 'by-many'`)
  await database.run(sql.fragment`
    INSERT INTO care_consent (patient_id, consent_id, grantee, pk, patient, code, since, until, called, named, names)
    SELECT number, 'by-many-' || number, grantee, number, 'many-' || number, code, since + make_interval(secs => number), until,
      'said ' || number, 'many ' || number, 'many ' || number
    FROM care_consent, generate_series(1000000, 1002000) AS number WHERE consent_id = 'by-many'`)
  await database.run(sql.fragment`ANALYZE`)
  const access = accessOf(carol, loadRegistry(), (type, query) => parseCriteria(loadRegistry(), type, query))
  for (const sort of ['name', 'since', 'until'] as const) {
    const read: number[] = []
    const explaining: typeof database = {
      ...database,
      any: async query => {
        read.push(rowsLookedAt(await planOf(database, query, { analyze: true }), 'care_consent'))
        return database.any(query)
      },
    }
    const gate = { access, classes: openCodeClasses() }
    const first = await readSharers(explaining, gate, { ...asked, sort })
    const second = await readSharers(explaining, gate, { ...asked, sort, cursor: first.next })
    t.ok(Math.max(...read) < 100, `${sort}: ${read}`)
    const ids = [...first.rows, ...second.rows].map(
      ({ consent, patientId }) => `${JSON.parse(consent).id} ${patientId}`,
    )
    t.equal(new Set(ids).size, 40, sort)
  }
})

t.test(
  'by the newest reading that each gives everybody comes once, whatever else they have measured since',
  async t => {
    await put(w.measured('of-many', 'many', 'omh:heart-rate', { effectiveDateTime: '2026-01-01T00:00:00Z' }))
    // Of three hundred; every second of them has measured something else later.
    const given = sql.fragment`generate_series(1000000, 1000299) AS number`
    const minutes = sql.fragment`make_interval(mins => number - 999999)`
    const observation = (later: string, of: ReturnType<typeof sql.fragment>) => sql.fragment`
    INSERT INTO observation (patient_id, pk, id, version, last_updated, owner, author, tokens, content, kind_id, device_id,
      effective_start, effective_end, is_joint)
    SELECT number, number + ${later === '' ? 1000000 : 2000000}, 'of-many-' || ${later} || number, version, last_updated, owner, author, tokens, content, kind_id,
      device_id, effective_start + ${minutes} + ${later === '' ? '0' : '2 days'}::interval, effective_end + ${minutes}, is_joint
    FROM observation, ${of} WHERE id = 'of-many'`
    await database.run(observation('', given))
    await database.run(observation('later-', sql.fragment`generate_series(1000000, 1000299, 2) AS number`))
    await database.run(sql.fragment`
    INSERT INTO observation_code (patient_id, code_id, kind_id, device_id, component, is_joint, effective_start, effective_end, pk, last_updated)
    SELECT number, code_id, kind_id, device_id, component, is_joint, effective_start + ${minutes}, effective_end + ${minutes}, number + 1000000, last_updated
    FROM observation_code, ${given} WHERE pk = (SELECT pk FROM observation WHERE id = 'of-many') AND component = 0`)
    const found: string[] = []
    const measured: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await storeOf(carol).sharers({ ...asked, sort: 'newest', limit: 70, cursor })
      found.push(...page.rows.map(({ consent }) => JSON.parse(consent).id))
      measured.push(...page.rows.map(one => one.measured ?? ''))
      cursor = page.next
      if (cursor === undefined) break
    }
    t.equal(found.length, new Set(found).size)
    t.equal(found.length, 2006)
    t.same(measured, measured.toSorted().toReversed())
    t.same(found.slice(0, 2), ['by-many-1000299', 'by-many-1000298'])
    t.equal(measured.filter(one => one !== '').length, 301)
  },
)

t.test('whoever may read no Consents is told of nobody, nor with whom anything is shared', async t => {
  const scope = 'user/Patient.rs user/Observation.rs'
  const { rows, receivers } = await storeOf(w.staff('carol', scope)).sharers(asked)
  t.strictSame([rows, receivers], [[], []])
})

t.test('what a permit gave whose time is over is not the newest, though another Consent lets it be read', async t => {
  const whole = gives('gus', 'Gus')
  const [permit] = whole.provision?.provision ?? []
  const provision = [
    { ...permit, dataPeriod: { start: '2000-01-01', end: '2026-01-31' } },
    { ...permit, period: { end: '2026-03-31' } },
  ]
  await put(named('gus', 'lab', 'Gus'), { ...whole, provision: { ...whole.provision, provision } } as Resource)
  await put({ ...clinicalConsent('gus', { to: 'Organization/lab', kinds }), id: 'by-gus-to-lab' })
  for (const day of ['2026-01-10', '2026-02-10'])
    await put(w.measured(`of-gus-${day}`, 'gus', 'omh:heart-rate', { effectiveDateTime: `${day}T08:00:00Z` }))
  const { rows } = await storeOf(carol).sharers({ ...asked, consent: 'by-gus' })
  t.strictSame(
    rows.map(({ measured }) => measured),
    ['2026-01-10T08:00:00.000Z'],
  )
  await ends('by-gus', 'by-gus-to-lab')
})
