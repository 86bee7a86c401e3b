import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ageAudit } from '../../../../src/storage/audit/age.ts'
import { insertRecords } from '../../../../src/storage/audit/record.ts'
import { auditKeyOf, digestOf } from '../../../../src/storage/audit/seal/chain.ts'
import { beginEpoch } from '../../../../src/storage/audit/seal/epoch.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../../../src/storage/audit/seal/verify.ts'
import { type SqlFragment, sql } from '../../../../src/storage/sql.ts'
import { aged, key, opened, read, recorded, tamper } from '../recorded.ts'

t.test('records are sealed once, in a chain, and all of them are there', async t => {
  const { database, heads } = await recorded(t, 3)
  t.equal(await sealAudit(database, key), undefined, 'nothing is left to seal')
  await insertRecords(database, [read])
  t.strictSame(await verifyAudit(database, key, heads), { kind: 'whole', last: heads[2], rows: 6, unsealed: 1 })
})

t.test(
  'a backlog is sealed in several seals, each row once, and a transaction that ends later in a later seal',
  async t => {
    const { database } = await recorded(t, 1)
    const ended = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const late = database.transaction(async connection => {
      await insertRecords(connection, [{ ...read, interaction: 'vread' }])
      // Makes sure that the insert, which is not waited for, has been done.
      await connection.any(sql.fragment`SELECT`)
      begun.resolve()
      await ended.promise
    })
    await begun.promise
    for (let count = 0; count < 7; count += 1) await insertRecords(database, [read, read])
    await sealAudit(database, key, { mostAtOnce: 4 })
    const sealed = () =>
      database.any(sql.fragment`SELECT seal::int AS seal, ids::int[] AS ids FROM audit_seal ORDER BY seal`)
    t.strictSame(await sealed(), [
      { seal: 1, ids: [1, 2] },
      { seal: 2, ids: [4, 5, 6, 7] },
      { seal: 3, ids: [8, 9, 10, 11] },
      { seal: 4, ids: [12, 13, 14, 15] },
      { seal: 5, ids: [16, 17] },
    ])
    ended.resolve()
    await late
    const last = await sealAudit(database, key, { mostAtOnce: 4 })
    t.strictSame((await sealed()).at(-1), { seal: 6, ids: [3] })
    t.strictSame(await verifyAudit(database, key), { kind: 'whole', last, rows: 17, unsealed: 0 })
  },
)

t.test('sealing looks only at new records, however many there are, even if the record was empty at first', async t => {
  const database = await opened(t, 1)
  const seal = async (passes: number, records: number) => {
    for (let pass = 0; pass < passes; pass += 1) {
      await insertRecords(database, Array(records).fill(read))
      await sealAudit(database, key)
    }
    await database.any(sql.fragment`SELECT pg_stat_force_next_flush()`)
    const { looked } = await database.one<{ looked: number }>(sql.fragment`
      SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS looked FROM pg_stat_user_tables WHERE relname LIKE 'audit%'`)
    return looked
  }
  await seal(8, 1)
  const before = await seal(1, 2000)
  t.ok((await seal(8, 1)) - before < 2000)
})

t.test('records can neither be changed nor removed', async t => {
  const { database } = await recorded(t, 1)
  for (const change of [
    sql.fragment`UPDATE audit_record SET outcome = 200`,
    sql.fragment`DELETE FROM audit_record`,
    sql.fragment`TRUNCATE audit_record`,
    sql.fragment`UPDATE audit_seal SET head = ''`,
    sql.fragment`DELETE FROM audit_seal`,
    sql.fragment`TRUNCATE audit_seal`,
  ])
    await t.rejects(database.run(change), /neither changed nor removed/)
})

t.test('tampering past the triggers is detected', async t => {
  const found: readonly (readonly [string, SqlFragment, string])[] = [
    [
      'a row that was removed',
      sql.fragment`DELETE FROM audit_record WHERE id = 3`,
      'row 3, which seal 2 has, was removed',
    ],
    [
      'a row that was changed',
      sql.fragment`UPDATE audit_record SET person = 'other' WHERE id = 4`,
      'row 4, which seal 2 has, was changed',
    ],
    [
      'a row that was moved to another time',
      sql.fragment`UPDATE audit_record SET recorded = recorded - interval '1 microsecond' WHERE id = 1`,
      'row 1, which seal 1 has, was changed',
    ],
    [
      'a row that was added behind a seal',
      sql.fragment`INSERT INTO audit_record (epoch, xact, interaction, patients, kinds, outcome)
        SELECT 1, xact, 'read', '{}', '{}', 200 FROM audit_record WHERE id = 3`,
      'row 7 was added behind seal 2',
    ],
    [
      'a row that no seal could have met',
      sql.fragment`INSERT INTO audit_record (epoch, interaction, patients, kinds, outcome) VALUES (0, 'read', '{}', '{}', 200)`,
      '1 rows were added that no seal has',
    ],
    [
      'a row of a transaction that is still to come',
      sql.fragment`INSERT INTO audit_record (epoch, xact, interaction, patients, kinds, outcome)
        VALUES (1, '9000000000000', 'read', '{}', '{}', 200)`,
      '1 rows were added that no seal has',
    ],
    [
      'a seal that was removed with its rows',
      sql.fragment`
      WITH seal AS (DELETE FROM audit_seal WHERE seal = 2 RETURNING ids) DELETE FROM audit_record USING seal WHERE id = ANY(ids)`,
      'seal 2 was removed',
    ],
    [
      'a seal that was changed',
      sql.fragment`UPDATE audit_seal SET sealed = sealed - interval '1 day' WHERE seal = 1`,
      'seal 1 is not what was sealed',
    ],
    [
      'a row that a seal was made to forget',
      sql.fragment`UPDATE audit_seal SET ids = '{4}', marks = substr(marks, 9) WHERE seal = 2`,
      'row 3 was added behind seal 2',
    ],
    [
      'a row that a seal was made to forget, and a consent beside it',
      sql.fragment`
      WITH seal AS (UPDATE audit_seal SET ids = '{4}', marks = substr(marks, 9) WHERE seal = 2)
      INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
      SELECT 3, recorded, 3, 'never-given', 1, 'Organization/anybody' FROM audit_record WHERE id = 3`,
      'row 3 was added behind seal 2',
    ],
    [
      'a consent that was added beside a row',
      sql.fragment`
      INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
      SELECT 3, recorded, 3, 'never-given', 1, 'Organization/anybody' FROM audit_record WHERE id = 3`,
      'seal 2 is not what was sealed',
    ],
    [
      'a consent beside a row that is not there',
      sql.fragment`
      INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
      SELECT 99, recorded, 3, 'never-given', 1, 'Organization/anybody' FROM audit_record WHERE id = 3`,
      '1 consents were added beside rows that are not there',
    ],
    [
      'a row that its patient is shown no more',
      sql.fragment`DELETE FROM audit_shown WHERE record = 3 AND patient_id = 4`,
      'row 3 is not shown to a patient whom it concerns',
    ],
    [
      'a row that another patient is shown in the place of theirs',
      sql.fragment`UPDATE audit_shown SET patient_id = 9 WHERE record = 3 AND patient_id = 4`,
      'row 3 is not shown to a patient whom it concerns',
    ],
    [
      'a row that is shown as of another time, by which nobody finds it',
      sql.fragment`UPDATE audit_shown SET recorded = recorded - interval '1 microsecond' WHERE record = 3 AND patient_id = 4`,
      'row 3 is not shown to a patient whom it concerns',
    ],
    [
      'a seal that somebody else has signed',
      sql.fragment`UPDATE audit_seal SET mac = sha256('x') WHERE seal = 3`,
      'seal 3 was not signed with this SECRET_KEY',
    ],
  ]
  for (const [name, change, bad] of found)
    await t.test(name, async t => {
      const { database } = await recorded(t, 3)
      await tamper(database, change)
      t.strictSame(await verifyAudit(database, key), { kind: 'broken', bad })
    })
})

t.test('later columns of a row do not change digests from before they existed', async t => {
  const database = await opened(t)
  const digest = async (more: SqlFragment) =>
    database.one<{ digest: string }>(sql.fragment`
      SELECT encode(audit_digest(jsonb_populate_record(NULL::audit_record, jsonb_build_object('id', 7, 'epoch', 1, 'xact', '900',
        'recorded', '2026-01-02T03:04:05.000006Z', 'client', 'cli', 'interaction', 'read', 'patients', '{3,4}'::int[],
        'kinds', '{1}'::int[], 'outcome', 200) || ${more})), 'hex') AS digest`)
  const fields = ['7', '1', '900', '1767323045000006', null, null, null, null, 'cli', null]
  const rest = ['read', null, null, null, '{3,4}', '{1}', null, '200']
  const asBefore = { digest: digestOf([...fields, ...rest]).toString('hex') }
  t.strictSame(await digest(sql.fragment`'{}'::jsonb`), asBefore)
  const later = ['{"kinds_of": {"3": [1]}}', '{"written": "1 3 ab"}', '{"kinds_of": {}, "written": "1 3 ab"}']
  const digests = await Promise.all(later.map(one => digest(sql.fragment`${one}::jsonb`)))
  t.equal(new Set([asBefore, ...digests].map(one => one.digest)).size, 4)
})

t.test('a cut-off end is noticed by whoever has kept a head of it', async t => {
  const { database, heads } = await recorded(t, 3)
  await tamper(database, sql.fragment`DELETE FROM audit_seal WHERE seal = 3`)
  await tamper(database, sql.fragment`DELETE FROM audit_record WHERE id > 4`)
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 4 }, 'nobody else')
  t.strictSame(await verifyAudit(database, key, heads), {
    kind: 'broken',
    bad: 'the end was cut off: seal 3, which was logged, is not there',
  })
  const head = 'ab'.repeat(32)
  t.strictSame(await verifyAudit(database, key, [{ seal: '2', head }]), {
    kind: 'broken',
    bad: 'seal 2 is another than the one that was logged',
  })
})

t.test('a chain that was rebuilt is not signed with the key', async t => {
  const { database } = await recorded(t, 1)
  await tamper(database, sql.fragment`DELETE FROM audit_seal`)
  await sealAudit(database, auditKeyOf(randomBytes(32)))
  const bad = 'seal 1 was signed with another SECRET_KEY, and nothing attests that this one took its place'
  t.strictSame(await verifyAudit(database, key), { kind: 'broken', bad })
  await insertRecords(database, [read])
  await sealAudit(database, key)
  t.strictSame(await verifyAudit(database, key), { kind: 'broken', bad }, 'whatever the key signs after it')
})

t.test('a transaction that ends late is sealed nevertheless, and holds up none that ended before it', async t => {
  const database = await opened(t)
  const { promise: freed, resolve: free } = Promise.withResolvers<void>()
  const { promise: inserted, resolve: insert } = Promise.withResolvers<void>()
  const late = database.transaction(async connection => {
    await insertRecords(connection, [{ ...read, interaction: 'create' }])
    insert()
    await freed
  })
  await inserted
  await insertRecords(database, [read])
  t.match(await sealAudit(database, key), { seal: '1' })
  free()
  await late
  t.match(await sealAudit(database, key), { seal: '2' })
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 2, unsealed: 0 })
})

t.test('what another process has just sealed is not sealed again for a while', async t => {
  const database = await opened(t)
  const at = (ms: number) => ({ now: new Date(1_700_000_000_000 + ms), restMs: 400 })
  await insertRecords(database, [read])
  t.match(await sealAudit(database, key, at(0)), { seal: '1' })
  await insertRecords(database, [read])
  t.equal(await sealAudit(database, key, at(399)), undefined)
  t.match(await sealAudit(database, key, at(400)), { seal: '2' })
  await insertRecords(database, [read])
  t.match(await sealAudit(database, key, at(0)), { seal: '3' }, 'a clock that is ahead holds up nobody')
})

t.test('a transaction with more records than a seal takes is sealed as a whole', async t => {
  const database = await opened(t)
  await insertRecords(database, [read, read, read])
  await insertRecords(database, [read])
  await sealAudit(database, key, { mostAtOnce: 2 })
  t.strictSame(await database.any(sql.fragment`SELECT ids::int[] AS ids FROM audit_seal ORDER BY seal`), [
    { ids: [1, 2, 3] },
    { ids: [4] },
  ])
})

t.test('looking for unsealed records reads no sealed ones, however often it is done', async t => {
  const database = await opened(t, 1)
  await database.run(sql.fragment`
    INSERT INTO audit_record (epoch, xact, interaction, patients, kinds, outcome)
    SELECT 1, (3 + number % 500)::text::xid8, 'sign-in', '{}', '{}', 200 FROM generate_series(1, 8000) AS number`)
  await database.run(sql.fragment`ANALYZE audit_record`)
  await sealAudit(database, key)
  const walked = async () => {
    await database.any(sql.fragment`SELECT pg_stat_force_next_flush()`)
    return database.one<{ rows: number }>(
      sql.fragment`SELECT seq_tup_read::int AS rows FROM pg_stat_user_tables WHERE relname = 'audit_record'`,
    )
  }
  const before = await walked()
  // PostgreSQL keeps a plan after five executions.
  for (let count = 0; count < 8; count += 1) t.equal(await sealAudit(database, key), undefined)
  t.strictSame(await walked(), before)
})

t.test('several processes that seal at the same time make one chain', async t => {
  const database = await opened(t)
  for (let round = 0; round < 10; round += 1) {
    await insertRecords(database, [read, read])
    await Promise.all([
      sealAudit(database, key),
      insertRecords(database, [read]),
      sealAudit(database, key),
      sealAudit(database, key),
    ])
  }
  await sealAudit(database, key)
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 30, unsealed: 0 })
})

t.test(
  'in a database that was restored elsewhere the chain continues, though its transactions are numbered anew',
  async t => {
    const { database, heads } = await recorded(t, 2)
    await insertRecords(database, [read])
    await tamper(database, sql.fragment`UPDATE audit_epoch SET cluster = 1`)
    await beginEpoch(database)
    await beginEpoch(database)
    await insertRecords(database, [read])
    t.match(await sealAudit(database, key), { seal: '4' })
    t.match(await verifyAudit(database, key, heads), { kind: 'whole', rows: 6, unsealed: 0 })
  },
)

t.test('old records go, and a signed checkpoint remains from which the chain continues', async t => {
  const database = await opened(t)
  const old = new Date(Date.now() - 6.5 * 365.25 * 24 * 3_600_000)
  await insertRecords(database, [read, read])
  await tamper(database, sql.fragment`UPDATE audit_record SET recorded = ${old.toISOString()}::timestamptz`)
  const oldHead = await sealAudit(database, key, { now: old })
  await insertRecords(database, [read])
  const head = await sealAudit(database, key)
  t.equal(await ageAudit(database, key, 7), 0, 'nothing is that old')
  t.equal(await ageAudit(database, key, 1), 2, 'records younger than six years always stay')
  t.equal(await ageAudit(database, key, 6), 0)
  t.strictSame(await verifyAudit(database, key, oldHead && head && [oldHead, head]), {
    kind: 'whole',
    last: head,
    rows: 1,
    unsealed: 0,
    checkpoint: '1',
  })
  await tamper(database, sql.fragment`UPDATE audit_checkpoint SET rows = 1`)
  t.strictSame(await verifyAudit(database, key), {
    kind: 'broken',
    bad: 'the checkpoint behind seal 1 is not what was signed',
  })
})

t.test('with an old record goes what is told of it', async t => {
  const { database } = await aged(t, 1)
  await insertRecords(database, [read])
  await sealAudit(database, key)
  await tamper(
    database,
    sql.fragment`INSERT INTO audit_shown (patient_id, record, recorded, subjects) SELECT 3, id, recorded, '{}' FROM audit_record`,
    sql.fragment`INSERT INTO audit_installation (record, recorded, content) SELECT id, recorded, '{}' FROM audit_record`,
  )
  const told = () =>
    database.any(sql.fragment`
      SELECT record::integer, 'patients' AS whom FROM audit_shown WHERE patient_id = 3
      UNION SELECT record::integer, 'officers' FROM audit_installation ORDER BY record, whom`)
  const all = [1, 2, 3].flatMap(record => ['officers', 'patients'].map(whom => ({ record, whom })))
  t.strictSame(await told(), all)
  t.equal(await ageAudit(database, key, 6), 2)
  t.strictSame(await told(), all.slice(4))
})

t.test(
  'what was sealed while the clock was years behind goes together with what comes before it, and not sooner',
  async t => {
    const database = await opened(t)
    const old = new Date(Date.now() - 6.5 * 365.25 * 24 * 3_600_000)
    const sealAt = async (now: Date) => {
      await insertRecords(database, [read])
      await tamper(
        database,
        sql.fragment`
        UPDATE audit_record SET recorded = ${now.toISOString()}::timestamptz WHERE id = (SELECT max(id) FROM audit_record)`,
      )
      await sealAudit(database, key, { now })
    }
    for (const now of [old, new Date(), old, new Date()]) await sealAt(now)
    t.equal(await ageAudit(database, key, 6), 1)
    t.match(await verifyAudit(database, key), { kind: 'whole', rows: 3, checkpoint: '1' })
  },
)

t.test('a kept head of records that have aged since proves nothing, and is not taken for a proof', async t => {
  const { database, heads } = await aged(t, 2)
  t.equal(await ageAudit(database, key, 6), 4)
  t.strictSame(await verifyAudit(database, key, heads), {
    kind: 'unproved',
    bad: 'seal 1 has aged: the record begins behind seal 2',
  })
  t.match(await verifyAudit(database, key, heads.slice(1)), { kind: 'whole', checkpoint: '2' })
  t.strictSame(await verifyAudit(database, key, [{ seal: '2', head: 'ab'.repeat(32) }]), {
    kind: 'broken',
    bad: 'seal 2 is another than the one that was logged',
  })
})

t.test('what ages later lies behind a later checkpoint, from which the chain continues', async t => {
  const { database } = await aged(t, 1)
  t.equal(await ageAudit(database, key, 6), 2)
  const old = new Date(Date.now() - 6.5 * 365.25 * 24 * 3_600_000)
  await insertRecords(database, [read])
  await tamper(database, sql.fragment`UPDATE audit_record SET recorded = ${old.toISOString()}::timestamptz`)
  await sealAudit(database, key, { now: old })
  t.equal(await ageAudit(database, key, 6), 1)
  await insertRecords(database, [read])
  t.match(await sealAudit(database, key), { seal: '3' })
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 1, checkpoint: '2' })
})

t.test('nothing is removed from a record that is not intact', async t => {
  const { database } = await aged(t, 2)
  await tamper(database, sql.fragment`DELETE FROM audit_record WHERE id = 2`)
  await t.rejects(ageAudit(database, key, 6), {
    name: 'StartError',
    message: 'Nothing was removed, for the record is not whole: row 2, which seal 1 has, was removed',
  })
  t.match(await verifyAudit(database, key), { kind: 'broken' })
})

t.test('a checkpoint that was signed with another key hides nothing', async t => {
  const { database, heads } = await recorded(t, 3)
  await tamper(
    database,
    sql.fragment`
      INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
      SELECT 103, epoch, snapshot, sha256('any'), 6, now(), 'before', sha256('any') FROM audit_seal WHERE seal = 3`,
    sql.fragment`DELETE FROM audit_seal`,
    sql.fragment`DELETE FROM audit_record`,
  )
  await insertRecords(database, [read])
  t.match(await sealAudit(database, key), { seal: '104' }, 'the server seals what comes after')
  const bad =
    'the checkpoint behind seal 103 was signed with another SECRET_KEY, and nothing attests that this one took its place'
  for (const kept of [[], heads]) t.strictSame(await verifyAudit(database, key, kept), { kind: 'broken', bad })
})
