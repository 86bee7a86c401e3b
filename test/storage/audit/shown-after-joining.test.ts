import t from 'tap'
import { ageAudit } from '../../../src/storage/audit/age.ts'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../../src/storage/audit/seal/verify.ts'
import { showOnce } from '../../../src/storage/audit/shown/shown-once.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'
import { aged, key, opened, read, recorded, tamper } from './recorded.ts'

const join = (earlier: number, later: number) => sql.fragment`SELECT join_compartments(${earlier}, ${later})`
const hidden = (row: number) => ({ kind: 'broken', bad: `row ${row} is not shown to a patient whom it concerns` })

t.test(
  'what was shown before records were joined moves with them, and is missed if it is removed afterwards',
  async t => {
    const { database } = await recorded(t, 2)
    await database.run(join(3, 4))
    t.match(await verifyAudit(database, key), { kind: 'whole', rows: 4 }, 'the two patients of a row became one')
    await database.run(join(2, 3))
    // As is noted when a device gets another source.
    await database.run(sql.fragment`INSERT INTO compartment_joining (earlier, later) VALUES (2, 2), (7, 7)`)
    await insertRecords(database, [{ ...read, patients: [2, 7] }])
    await sealAudit(database, key)
    t.match(await verifyAudit(database, key), { kind: 'whole', rows: 5 })
    await tamper(database, sql.fragment`UPDATE audit_shown SET patient_id = 4 WHERE record = 3 AND patient_id = 2`)
    t.strictSame(await verifyAudit(database, key), hidden(3), 'under a number that nobody has any more')
    await tamper(database, sql.fragment`DELETE FROM audit_shown WHERE record = 3`)
    t.strictSame(await verifyAudit(database, key), hidden(3))
  },
)

t.test('a joining that never happened hides nothing', async t => {
  const { database } = await recorded(t, 1)
  await database.run(sql.fragment`INSERT INTO patient_compartment (id, patient_id) VALUES ('early', 3), ('late', 4)`)
  t.match(await verifyAudit(database, key), { kind: 'whole' })
  await database.run(sql.fragment`INSERT INTO compartment_joining (earlier, later) VALUES (3, 4)`)
  await database.run(sql.fragment`UPDATE audit_shown SET patient_id = 3 WHERE patient_id = 4`)
  t.strictSame(await verifyAudit(database, key), hidden(1))
})

t.test('what is sealed after records were joined is shown to the patient who has them now', async t => {
  const database = await opened(t)
  await database.run(sql.fragment`INSERT INTO patient_compartment (id, patient_id) VALUES ('early', 3), ('late', 4)`)
  await insertRecords(database, [read, { ...read, patients: [4] }, { ...read, patients: [4, 9] }])
  await database.run(join(3, 4))
  await sealAudit(database, key)
  t.strictSame(
    await database.any(
      sql.fragment`SELECT record::int AS record, patient_id, subjects FROM audit_shown ORDER BY record, patient_id`,
    ),
    [
      { record: 1, patient_id: 3, subjects: ['early', 'late'] },
      { record: 2, patient_id: 3, subjects: ['early', 'late'] },
      { record: 3, patient_id: 3, subjects: ['early', 'late'] },
      { record: 3, patient_id: 9, subjects: [] },
    ],
  )
  t.match(await verifyAudit(database, key), { kind: 'whole' })
})

t.test('it is found under the number that was kept, whichever of them that was', async t => {
  const database = await opened(t)
  await database.run(sql.fragment`
    INSERT INTO patient_compartment (id, patient_id) VALUES ('early', 3), ('late', 4), ('last', 5)`)
  const each = [
    { ...read, patients: [3] },
    { ...read, patients: [4] },
    { ...read, patients: [5] },
  ]
  await insertRecords(database, each)
  await sealAudit(database, key)
  await database.run(join(4, 3))
  t.match(await verifyAudit(database, key), { kind: 'whole' })
  await database.run(join(5, 4))
  await insertRecords(database, each)
  await sealAudit(database, key)
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 6 })
  const shown = await database.any(sql.fragment`SELECT DISTINCT patient_id FROM audit_shown WHERE owner IS NULL`)
  t.strictSame(shown, [{ patient_id: 5 }])
})

t.test('what concerned both patients before they were joined is shown once, with the ids of both', async t => {
  const database = await opened(t)
  await database.run(sql.fragment`
    INSERT INTO patient_compartment (id, patient_id) VALUES ('early', 3), ('late', 4), ('last', 5), ('other', 9)`)
  await insertRecords(database, [
    { ...read, patients: [3, 4, 9] },
    { ...read, patients: [4] },
    { ...read, patients: [3, 4, 5] },
    { ...read, patients: [3] },
  ])
  await sealAudit(database, key)
  await database.run(join(3, 4))
  await database.run(join(3, 5))
  await showOnce(database, 3)
  const shown = await database.any(sql.fragment`
    SELECT record::int AS record, patient_id, subjects FROM audit_shown WHERE owner IS NULL ORDER BY record, patient_id`)
  t.strictSame(shown, [
    { record: 1, patient_id: 3, subjects: ['early', 'late'] },
    { record: 1, patient_id: 9, subjects: ['other'] },
    { record: 2, patient_id: 3, subjects: ['late'] },
    { record: 3, patient_id: 3, subjects: ['early', 'last', 'late'] },
    { record: 4, patient_id: 3, subjects: ['early'] },
  ])
  t.equal(await showOnce(database, 3), 0)
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 4 })
})

t.test('nothing is sealed while records are being joined, and everything afterwards', async t => {
  const database = await opened(t)
  await insertRecords(database, [read])
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    t.equal(await sealAudit(database, key), undefined)
    await connection.run(join(3, 4))
  })
  t.match(await sealAudit(database, key), { seal: '1' })
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 1 })
})

t.test('what has aged is no longer shown to anybody, and verification accepts that', async t => {
  const { database } = await aged(t, 2)
  await insertRecords(database, [read])
  await sealAudit(database, key)
  await ageAudit(database, key, 7)
  t.equal(await ageAudit(database, key, 6), 4)
  await database.run(join(3, 4))
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 1, checkpoint: '2' })
})

t.test('what an older version sealed is intact after the update, and shown to all whom it concerns', async t => {
  const { database, update } = await openOlderDatabase(t, '0073')
  await database.run(sql.fragment`INSERT INTO patient_compartment (id, patient_id) VALUES ('early', 3), ('late', 4)`)
  const readThem = () =>
    database.run(sql.fragment`
      INSERT INTO audit_record (epoch, client, interaction, type, patients, kinds, outcome)
      SELECT max(epoch), 'app', 'read', 'Observation', ARRAY[patient], '{}', 200
      FROM audit_epoch, (VALUES (3), (4)) AS of(patient) GROUP BY patient ORDER BY patient`)
  await readThem()
  await sealAudit(database, key)
  await readThem()
  await database.run(join(3, 4))
  await sealAudit(database, key)
  await update()
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 4 })
  t.strictSame(
    await database.any(sql.fragment`
      SELECT DISTINCT record::int AS record, patient_id, subjects FROM audit_shown WHERE record > 2 ORDER BY record`),
    [3, 4].map(record => ({ record, patient_id: 3, subjects: ['early', 'late'] })),
  )
})
