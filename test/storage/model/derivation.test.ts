import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world
const seen = () => see(storeOf(w.staff('researcher')), 'Observation', '_count=500')
const from = (...sources: readonly string[]) => ({ derivedFrom: sources.map(reference => ({ reference })) })

await put(
  w.organization('lab'),
  w.role('researcher', 'lab', 'viewer'),
  w.registered('ann', 'lab'),
  w.registered('bob', 'lab'),
  w.study('open', 'lab', [w.requests(heartRate)]),
  w.groupOf('open', 'lab'),
  ...['ann', 'bob'].flatMap(patient => [
    w.enrols('open', patient),
    w.consent('open', patient, 'active', [w.permit(heartRate, { dataPeriod: { start: '2026-01-01' } })]),
  ]),
  w.measured('known', 'ann', heartRate),
)

t.test('what was derived from something that came later is read once all of that is there', async t => {
  await put(
    w.measured('of-one', 'ann', heartRate, from('Observation/one')),
    w.measured('of-that', 'ann', heartRate, from('Observation/of-one', 'Observation/known')),
    w.measured('of-two', 'ann', heartRate, from('Observation/one', 'Observation/two')),
    w.measured('of-answers', 'ann', heartRate, from('Observation/one', 'QuestionnaireResponse/one')),
    w.measured('of-anothers', 'bob', heartRate, from('Observation/one')),
  )
  t.strictSame(await seen(), ['known'])
  await put(w.measured('one', 'ann', heartRate))
  t.strictSame(await seen(), ['known', 'of-one', 'of-that', 'one'])
  await put(w.measured('two', 'ann', 'omh:body-weight'))
  t.strictSame(await seen(), ['known', 'of-one', 'of-that', 'one'], 'the other source is not consented')
})

t.test('what was derived from something of no kind is not read, since nobody could consent to that', async t => {
  await put(
    w.measured('unkind', 'ann', heartRate, { code: { text: 'What the device said' } }),
    w.measured('of-unkind', 'ann', heartRate, from('Observation/unkind')),
  )
  t.notOk((await seen()).includes('of-unkind'))
})

t.test('what no longer names the source that came later is not taken for derived from it', async t => {
  await put(
    w.measured('changed', 'ann', heartRate, from('Observation/three')),
    w.measured('changed', 'ann', heartRate, from('Observation/nowhere')),
    w.measured('three', 'ann', heartRate),
  )
  t.notOk((await seen()).includes('changed'))
})

t.test('it makes no difference which is written first, even at the same moment', async t => {
  const pairs = Array.from({ length: 30 }, (_, index) => [`source-${index}`, `derived-${index}`] as const)
  await Promise.all(
    pairs.flatMap(([source, derived]) => [
      put(w.measured(derived, 'ann', heartRate, from(`Observation/${source}`))),
      put(w.measured(source, 'ann', heartRate)),
    ]),
  )
  const all = new Set(await seen())
  t.strictSame(
    pairs.flat().filter(id => !all.has(id)),
    [],
  )
})

t.test('in an update, what had come before its source is derived from it', async t => {
  const { database, update } = await openOlderDatabase(t, '0092')
  const { type } = await database.one<{ type: number }>(
    sql.fragment`SELECT type_id AS type FROM resource_type WHERE name = 'Observation'`,
  )
  for (const [pk, id, sources] of [
    [1, 'met', ['Observation/late']],
    [2, 'late', []],
    [3, 'waiting', ['Observation/late', 'Observation/later', 'DocumentReference/one']],
  ] as const) {
    const content = JSON.stringify(from(...sources))
    await database.run(sql.fragment`
      INSERT INTO observation (patient_id, pk, id, version, last_updated, author, tokens, content, kind_id, device_id,
        effective_start, effective_end, is_joint)
      VALUES (7, ${pk}, ${id}, 1, now(), 1, '{}', ${content}::jsonb, 0, 0, now(), now(), true)`)
    await database.run(
      sql.fragment`INSERT INTO resource_identity (type_id, id, patient_id, pk) VALUES (${type}, ${id}, 7, ${pk})`,
    )
    if (sources.length > 0) await database.run(sql.fragment`INSERT INTO derived_from VALUES (7, ${pk}, 0)`)
  }
  await update()
  const rows = await database.any(sql.fragment`SELECT pk, source_pk AS source FROM derived_from ORDER BY pk, source_pk`)
  t.strictSame(rows, [
    { pk: '1', source: '2' },
    { pk: '3', source: '0' },
    { pk: '3', source: '2' },
  ])
  t.strictSame(await database.any(sql.fragment`SELECT pk, source_id AS id FROM derived_awaited ORDER BY 2`), [
    { pk: '3', id: '' },
    { pk: '3', id: 'later' },
  ])
})
