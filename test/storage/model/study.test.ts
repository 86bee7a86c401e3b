import type { Coding, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { canonicalBase } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { database, put } = world

await put(w.organization('lab'), w.role('cara', 'lab', 'viewer'))
const write = (title: string, ...staff: readonly Extension[]) =>
  put({ ...(w.study('s', 'lab', [w.requests(heartRate), ...staff]) as ResearchStudy), title })
/** Each row with the transaction that wrote it. */
const writtenIn = async (table: 'study' | 'study_staff' | 'practitioner_grantee') => {
  const who = table === 'study' ? sql.fragment`id` : sql.fragment`practitioner`
  const rows = await database.any<{ who: string; by: string }>(
    sql.fragment`SELECT ${who} AS who, xmin::text AS by FROM ${sql.identifier([table])} ORDER BY 1, 2`,
  )
  return rows.map(({ who, by }) => `${who} ${by}`)
}
const staffNow = async () => {
  const rows = await database.any<{ row: string }>(sql.fragment`
    SELECT concat_ws(' ', practitioner, coalesce(role, '-'), period_end::date) AS row FROM study_staff WHERE study_id = 's' ORDER BY 1`)
  return rows.map(({ row }) => row)
}
const ann = w.works('ann', 'researcher')
const bob = w.works('bob', 'investigator', '2999-01-01')

t.test('writing a study again rewrites only the rows that differ', async t => {
  await write('first', ann, bob)
  const tables = ['study', 'study_staff', 'practitioner_grantee'] as const
  const before = await Promise.all(tables.map(writtenIn))
  t.same(
    before.map(rows => rows.length > 0),
    [true, true, true],
  )
  await write('second', bob, ann)
  t.same(await Promise.all(tables.map(writtenIn)), before)
  await write('third', bob, ann, w.works('dan', 'researcher'))
  const after = await writtenIn('study_staff')
  t.same(
    after.filter(row => !row.startsWith('dan ')),
    before[1],
  )
})

t.test('its staff are those whom it names, with the role and the time of each entry', async t => {
  const until = (role: string, end: string) => w.works('ann', role, end)
  const withoutRole: Extension = { ...ann, extension: (ann.extension ?? []).filter(({ url }) => url !== 'role') }
  const roleOf = (...coding: readonly Coding[]): Extension => ({
    ...withoutRole,
    extension: [...(withoutRole.extension ?? []), { url: 'role', valueCodeableConcept: { coding: [...coding] } }],
  })
  const elsewhere = { system: 'http://example.org/roles', code: 'coordinator' }
  const ours = { system: `${canonicalBase}/CodeSystem/staff-role`, code: 'researcher' }
  const cases: readonly (readonly [readonly Extension[], readonly string[]])[] = [
    [[ann], ['ann researcher infinity']],
    [[withoutRole], ['ann - infinity']],
    [[roleOf(elsewhere)], ['ann - infinity']],
    [[roleOf(elsewhere, ours)], ['ann researcher infinity']],
    [
      [withoutRole, withoutRole, bob],
      ['ann - infinity', 'bob investigator 2999-01-02'],
    ],
    [[until('researcher', '2027-01-01')], ['ann researcher 2027-01-02']],
    [
      [until('researcher', '2027-01-01'), until('coordinator', '2028-01-01'), ann],
      ['ann coordinator 2028-01-02', 'ann researcher 2027-01-02', 'ann researcher infinity'],
    ],
    [[until('coordinator', '2028-01-01')], ['ann coordinator 2028-01-02']],
    [[], []],
    [[bob], ['bob investigator 2999-01-02']],
  ]
  for (const [staff, expected] of cases) {
    await write('again', ...staff)
    t.same(await staffNow(), expected)
  }
})

t.test('a study that chooses nothing is read by its organization, and knows its people by code', async t => {
  await put(w.study('plain', 'lab', [w.requests(heartRate)]))
  const chosen = await database.one(sql.fragment`SELECT access, identity FROM study WHERE id = 'plain'`)
  t.strictSame(chosen, { access: 'organization', identity: 'coded' })
})

const steps = 'omh:step-count'

t.test('what the text does not ask for, though the study does, is given to it by nobody', async t => {
  const text = w.patientText('1', w.usualWords)
  const asking = { ...text, extension: [...(text.extension ?? []), { url: 'asks', valueString: heartRate }] }
  await put(w.registered('eve', 'lab'), w.study('later', 'lab', [w.requests(heartRate), w.requests(steps), asking]))
  await put(w.enrols('later', 'eve'), w.consent('later', 'eve', 'proposed', [w.permit(heartRate)]))
  const resource = w.consent('later', 'eve', 'proposed', [w.permit(heartRate), w.permit(steps)])
  const widened = await world.importer.write([{ kind: 'update', id: resource.id ?? '', resource }])
  t.match(widened, [{ outcome: 'refused', error: { status: 422 } }])
})

t.test('a study that was consented to is not deleted, also if the place of whoever did is', async t => {
  await put(w.registered('fay', 'lab'), w.study('given', 'lab', [w.requests(heartRate)]), w.enrols('given', 'fay'))
  await put(w.consent('given', 'fay', 'active', [w.permit(heartRate)]))
  const remove = (type: 'ResearchStudy' | 'ResearchSubject', id: string) =>
    world.importer.write([{ kind: 'delete', type, id }])
  t.match(await remove('ResearchSubject', 'given-fay'), [{ outcome: 'deleted' }])
  t.match(await remove('ResearchStudy', 'given'), [{ outcome: 'refused', error: { status: 409 } }])
})
