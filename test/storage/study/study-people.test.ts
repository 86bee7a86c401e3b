import type { Patient, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import type { Caller } from '../../../src/access/caller.ts'
import { sharedWithStudy } from '../../../src/access/questions.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { all, not } from '../../../src/search/expression.ts'
import { parseCriteria } from '../../../src/search/parse.ts'
import { sql } from '../../../src/storage/sql.ts'
import { addPaperRecord } from '../../../src/storage/study/paper-consent.ts'
import { readStudyPeople, type StudyPeopleAsked } from '../../../src/storage/study/study-people.ts'
import { textTest } from '../../../src/storage/values/string.ts'
import { migrateAgain } from '../../support/migrate-again.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import * as w from '../model/world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put, importer } = world
const registry = loadRegistry()
const named = (id: string, family: string, given?: string): Patient => ({
  ...(w.registered(id, 'lab') as Patient),
  name: [{ family, ...(given === undefined ? {} : { given: [given] }) }],
  identifier: [{ value: `MRN-${id}` }],
})
const place = (study: string, patient: string, code: string, status = 'on-study'): Resource =>
  ({ ...w.enrols(study, patient, status), identifier: [{ value: code }] }) as Resource
const kinds = [w.requests('omh:heart-rate'), w.requests('omh:body-weight')]
await put(
  w.organization('uni'),
  w.organization('lab', 'uni'),
  w.organization('clinic'),
  ...['member', 'above', 'staff', 'elsewhere', 'nobody'].map(id => ({ resourceType: 'Practitioner', id }) as Resource),
  w.role('member', 'lab', 'member'),
  w.role('above', 'uni', 'manager'),
  w.role('elsewhere', 'clinic', 'member'),
  w.study('open', 'lab', [...kinds, w.works('staff', 'investigator'), w.works('elsewhere', 'collaborator')]),
  w.study('coded', 'lab', [
    ...kinds,
    w.works('staff', 'investigator'),
    w.chooses('identity', 'coded'),
    w.chooses('access', 'staff'),
  ]),
)
const people = ['ann', 'bob', 'cem', 'dee', 'eli', 'flo', 'gus']
const both = [w.permit('omh:heart-rate'), w.permit('omh:body-weight')]
await put(
  ...people.map((id, at) =>
    named(id, ['O’Neil', 'Ångström', 'de la Cruz', 'Mill-Stone', 'Zed 10', 'Zed 9', '李'][at] ?? '', id),
  ),
  ...['open', 'coded'].flatMap(study => people.map((id, at) => place(study, id, `${study}-${12 - at}`))),
)
for (const study of ['open', 'coded'])
  await put(
    w.consent(study, 'ann', 'active', both),
    w.consent(study, 'bob', 'active', [w.permit('omh:heart-rate')]),
    w.consent(study, 'cem', 'proposed', both),
    w.consent(study, 'dee', 'rejected', both),
    w.consent(study, 'eli', 'active', both),
    w.consent(study, 'flo', 'active', both),
  )
await put(
  w.measured('a', 'ann', 'omh:heart-rate'),
  w.measured('b', 'bob', 'omh:body-weight'),
  w.measured('c', 'eli', 'omh:body-weight', { effectiveDateTime: '2026-04-01T08:00:00Z' }),
  { ...w.consent('open', 'eli', 'inactive', both) },
  place('coded', 'gus', 'coded-left', 'withdrawn'),
)
await importer.write([{ kind: 'delete', type: 'Consent', id: 'consent-open-flo' }])

const callers: Readonly<Record<string, Caller>> = {
  member: w.registrar('member', 'lab'),
  above: w.staff('above'),
  staff: w.staff('staff'),
  elsewhere: w.staff('elsewhere'),
  nobody: w.staff('nobody'),
  ...{ narrow: w.staff('staff', 'user/*.cruds', 'coded') },
  ...{
    one: w.staff(
      'staff',
      'user/ResearchSubject.rs?status=withdrawn user/Patient.rs user/Consent.rs user/Observation.rs',
    ),
  },
}
const gateOf = (caller: Caller) => ({
  access: accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query)),
  classes: openCodeClasses(),
})
const asked = (caller: Caller, study: string, more: Partial<StudyPeopleAsked> = {}): StudyPeopleAsked => ({
  ...{ study, subjects: all, shared: sharedWithStudy(caller, study), silentDays: 14 },
  ...{ text: '', sort: 'name', offset: 0, limit: 20, ...more },
})

t.test(
  'what the study alone decides is asked once, and shows whom the gate shows when it is asked of each row',
  async t => {
    for (const [name, caller] of Object.entries(callers))
      for (const study of ['open', 'coded'])
        for (const sort of ['name', 'arrival', 'answer', 'enrolment'] as const)
          for (const text of ['', 'zed', 'open-1']) {
            const gate = gateOf(caller)
            // The same question, of which nothing is left to the study.
            const each: Access = (action, type) => not({ kind: 'not', of: gate.access(action, type) })
            const question = asked(caller, study, { sort, text })
            const [once, ofEach] = [
              await readStudyPeople(database, gate, question),
              await readStudyPeople(database, { ...gate, access: each }, question),
            ]
            t.same(once, ofEach, `${name} of ${study} by ${sort} ${text}`)
          }
  },
)

t.test('a total is of those whom whoever asks may see', async t => {
  const totals = []
  for (const caller of Object.values(callers))
    for (const study of ['open', 'coded'])
      totals.push((await readStudyPeople(database, gateOf(caller), asked(caller, study))).total)
  t.same(totals, [7, 7, 0, 0, 7, 7, 7, 0, 0, 0, 0, 7, 0, 1])
})

t.test('who reads places alone finds and orders nobody by a name, and is told no answer', async t => {
  const listed = async (scope: string, more: Partial<StudyPeopleAsked> = {}) => {
    const caller = { ...w.staff('member', `user/ResearchSubject.rs ${scope}`), organizations: ['lab'] }
    return readStudyPeople(database, gateOf(caller), asked(caller, 'open', more))
  }
  const codes = people.map((_, at) => `open-${6 + at}`)
  const alone = await listed('')
  t.same(
    alone.rows.map(({ subject }) => JSON.parse(subject).identifier[0].value),
    codes,
  )
  t.same(alone.counts, { none: 7, silent: 0, earlier: 0, paper: 0 })
  for (const text of ['neil', 'zed 10', 'mrn-ann'])
    for (const sort of ['name', 'arrival', 'answer', 'enrolment'] as const) {
      const { total, named } = await listed('user/Consent.rs', { text, sort })
      t.same({ total, named }, { total: 0, named: [] }, `${text} by ${sort}`)
    }
  t.equal((await listed('user/Patient.rs', { text: 'neil' })).total, 1, 'who reads Patients')
  t.equal((await listed('user/Consent.rs')).counts.none, 2, 'who reads Consents')
})

t.test('people are told by what their Consents say, and by the deleted one if there is no other', async t => {
  const { rows } = await readStudyPeople(database, gateOf(w.staff('staff')), asked(w.staff('staff'), 'open'))
  const states = Object.fromEntries(rows.map(({ subject, state }) => [JSON.parse(subject).id, state]))
  t.same(states, {
    ...{ 'open-ann': 'all', 'open-bob': 'partly', 'open-cem': 'none', 'open-dee': 'declined', 'open-eli': 'withdrawn' },
    ...{ 'open-flo': 'withdrawn', 'open-gus': 'none' },
  })
})

t.test(
  'the ids of all who fit are told if they are asked for, and only of those whom whoever asks may see',
  async t => {
    const idsFor = async (caller: Caller, more: Partial<StudyPeopleAsked>) => {
      const { rows, ids } = await readStudyPeople(
        database,
        gateOf(caller),
        asked(caller, 'open', { limit: 0, ...more }),
      )
      t.same(rows, [])
      return ids.toSorted()
    }
    const staff = w.staff('staff')
    t.same(await idsFor(staff, { ids: true, state: 'withdrawn' }), ['open-eli', 'open-flo'])
    const subjects = { kind: 'identified', ids: ['open-flo', 'open-ann'] } as const
    t.same(await idsFor(staff, { ids: true, state: 'withdrawn', subjects }), ['open-flo'])
    t.same(await idsFor(w.staff('nobody'), { ids: true }), [])
    t.same(await idsFor(staff, {}), [], 'they are not asked for')
  },
)

/** What stands beside the resources, and what they say themselves. */
const beside = async () => ({
  kept: await database.any(sql.fragment`
    SELECT place.id, place.pk, named, names, code, codes FROM enrolment AS place
    UNION ALL SELECT consent_id, pk, status, signed, paper::text, answered::text FROM consent_grantee ORDER BY id`),
  said: await database.any(sql.fragment`
    SELECT row.id, row.pk, patient_sort_name(person.content) AS named, person_letters(person.content) AS names,
      place_code(row.content) AS code, person_letters(row.content) AS codes
    FROM research_subject AS row
    JOIN enrolment AS place ON place.patient_id = row.patient_id AND place.id = row.id
    LEFT JOIN patient AS person ON person.patient_id = row.patient_id AND person.id = place.patient
    UNION ALL SELECT row.id, row.pk, row.content ->> 'status', row.content ->> 'dateTime', is_on_paper(row.content)::text, row.last_updated::text
    FROM consent AS row ORDER BY id`),
})

t.test(
  'what stands beside places and Consents is what the resources say, whatever is written, and as if it were derived anew',
  async t => {
    await put(
      named('ann', 'Renamed'),
      place('open', 'bob', 'another-code'),
      { ...w.registered('cem', 'lab') },
      { ...w.consent('open', 'bob', 'inactive', both) },
    )
    await importer.write([{ kind: 'delete', type: 'Patient', id: 'gus' }])
    await put(named('hal', 'Other'), place('coded', 'hal', 'coded-hal'), {
      resourceType: 'Person',
      id: 'both',
      link: ['dee', 'hal'].map(id => ({ target: { reference: `Patient/${id}` } })),
    })
    await put(named('hal', 'Joined'), { ...named('dee', 'Joining'), gender: 'other' })
    const { kept, said } = await beside()
    t.same(kept, said)
    await world.deriveAnew()
    t.same((await beside()).kept, kept)
  },
)

t.test('in a database of before, the update writes the same beside them', async t => {
  const { kept } = await beside()
  await migrateAgain(
    world.url,
    ['study-people-narrow.sql'],
    `DROP INDEX consent_history_deleted;
     ALTER TABLE enrolment DROP COLUMN pk, DROP COLUMN named, DROP COLUMN names, DROP COLUMN code, DROP COLUMN codes;
     ALTER TABLE consent_grantee DROP COLUMN status, DROP COLUMN signed, DROP COLUMN paper, DROP COLUMN answered;
     DROP FUNCTION fhir_letters, person_letters, place_code, is_on_paper;`,
  )
  t.same((await beside()).kept, kept)
})

t.test('of those who are looked for by a part of a name, the letters keep nobody out', async t => {
  const texts = [
    'O’Neil',
    "o'n",
    'oneil',
    'Mill-Stone',
    'mill stone',
    'millst',
    'ång',
    'ANG',
    'strom',
    'la cruz',
    '-',
    '’',
    'Zed  10',
    'ß',
    'ss',
    'İ',
    '李',
    ' ',
  ]
  const parts = [
    ...texts,
    'Jean-Luc d’Arc',
    'Straße',
    'STRASSE',
    'Ἀχιλλεύς',
    'ΑΧΙΛΛΕΥΣ',
    'İstanbul',
    'a\u00adb',
    '10 % of',
    'ﬁne',
    '…',
    '李 小龍',
  ]
  for (const text of texts) {
    const { missed } = await database.one<{ missed: readonly string[] | null }>(sql.fragment`
      SELECT array_agg(part) AS missed FROM unnest(${sql.array(parts, 'text')}) AS part
      WHERE (fhir_fold(part) LIKE '%' || fhir_fold(${text.replace(/[\\%_]/g, '\\$&')}) || '%' OR ${textTest({ kind: 'string', text }, sql.fragment`part`)})
        AND strpos(person_letters(jsonb_build_object('identifier', jsonb_build_array(jsonb_build_object('value', part)))), fhir_letters(${text})) = 0`)
    t.equal(missed, null, text)
  }
})

t.test('a page of people whose places are all seen reads of the resources only its own rows', async t => {
  await database.run(sql.fragment`
    INSERT INTO research_subject (patient_id, pk, id, version, last_updated, author, tokens, content)
    SELECT number, number, 'many-' || number, version, last_updated, author, tokens, content FROM research_subject, generate_series(1000000, 1001999) AS number
    WHERE id = 'open-ann'`)
  await database.run(sql.fragment`
    INSERT INTO consent (patient_id, pk, id, version, last_updated, author, tokens, content)
    SELECT number, number, 'given-' || number, version, last_updated, author, tokens, content FROM consent, generate_series(1000000, 1001999) AS number
    WHERE id = 'consent-open-ann'`)
  await database.run(sql.fragment`
    INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end, named, names, code, codes)
    SELECT number, 'many-' || number, number, study_id, 'many-' || number, in_force, period_start, period_end, NULL, NULL, number, number
    FROM enrolment, generate_series(1000000, 1001999) AS number WHERE id = 'open-ann'`)
  await database.run(sql.fragment`
    INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk, text_version, withdrawal, status, signed, paper, answered)
    SELECT number, 'given-' || number, grantee, standing, number, text_version, withdrawal, status, signed, paper, answered
    FROM consent_grantee, generate_series(1000000, 1001999) AS number WHERE consent_id = 'consent-open-ann'`)
  await database.run(sql.fragment`ANALYZE`)
  for (const more of [{ sort: 'enrolment' }, { sort: 'name' }, { sort: 'enrolment', text: 'open-12' }] as const) {
    const read: number[][] = []
    const explaining: typeof database = {
      ...database,
      any: async query => {
        const steps = await planOf(database, query, { analyze: true })
        read.push(['research_subject', 'consent', 'patient'].map(table => rowsLookedAt(steps, table)))
        return database.any(query)
      },
    }
    const { total } = await readStudyPeople(explaining, gateOf(w.staff('staff')), asked(w.staff('staff'), 'open', more))
    t.equal(total, 'text' in more ? 1 : 2007, more.sort)
    t.ok(Math.max(...read.flat()) < 100, `${JSON.stringify(more)}: ${read}`)
  }
})

t.test('a text names those whom it fits, and is about everybody if these are more than fifty', async t => {
  const enrolled = async (...ids: readonly string[]) =>
    put(...ids.flatMap(id => [named(id, 'Alike'), place('many', id, `many-${id}`)]))
  const caller = w.staff('staff')
  const namedNow = async () =>
    (await readStudyPeople(database, gateOf(caller), asked(caller, 'many', { text: 'alike' }))).named.length
  await put(w.study('many', 'lab', [...kinds, w.works('staff', 'investigator')]))
  await enrolled(...Array.from({ length: 50 }, (_, at) => `alike-${at}`))
  t.equal(await namedNow(), 50)
  await enrolled('alike-50')
  t.equal(await namedNow(), 0)
})

t.test('who was recorded from paper, which was discarded and then deleted, has answered nothing', async t => {
  const id = 'consent-papers-pia'
  const reason = { url: inactivationReason, valueCodeableConcept: { text: 'It was not confirmed' } }
  const { extension = [], ...discarded } = w.consent('papers', 'pia', 'inactive', both)
  await put(
    w.study('papers', 'lab', [...kinds, w.works('staff', 'investigator')]),
    named('pia', 'Paper'),
    place('papers', 'pia', 'papers-1'),
    w.consent('papers', 'pia', 'proposed', both),
  )
  await addPaperRecord(database, { consent: id, version: '1', practitioner: 'staff' })
  await put({ ...discarded, extension: [...extension, reason] })
  await importer.write([{ kind: 'delete', type: 'Consent', id }])
  const { rows } = await readStudyPeople(database, gateOf(w.staff('staff')), asked(w.staff('staff'), 'papers'))
  t.same(
    rows.map(({ state }) => state),
    ['none'],
  )
})
