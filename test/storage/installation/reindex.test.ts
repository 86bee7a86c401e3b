import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openNoLeakWorld } from '../../no-leak/world.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
const { database } = world
await world.everything('PUT', 'RiskAssessment/with-a-number', {
  resourceType: 'RiskAssessment',
  id: 'with-a-number',
  status: 'final',
  subject: { reference: 'Patient/ann' },
  prediction: [{ probabilityDecimal: 0.5 }],
})

await world.everything('PUT', 'Location/with-words', {
  resourceType: 'Location',
  id: 'with-words',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Second floor, left</div>' },
})

await world.everything('PUT', 'Observation/of-seconds', {
  resourceType: 'Observation',
  id: 'of-seconds',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/ann' },
  effectivePeriod: { start: '2026-03-01T08:00:00Z', end: '2026-03-01T08:00:02Z' },
  valueSampledData: { origin: { value: 0 }, period: 1000, dimensions: 1, data: '60 E 61' },
})

/** Everything that can be derived again; the numbers in dictionaries cannot. */
const derived = [
  'compartment',
  'index_string',
  'index_date',
  'index_number',
  'full_text',
  'observation_code',
  'sampled',
  'derived_from',
  'derived_awaited',
  'organization_node',
  'organization_ancestor',
  'membership',
  'privacy_officer',
  'person_practitioner',
  'person_patient',
  'study',
  'study_grantee',
  'study_staff',
  'study_requested_data',
  'study_text',
  'enrolment',
  'consent_grantee',
  'study_group_observation_consents',
]
const columns = ['observation', 'patient', 'condition', 'research_subject', 'device']

const dump = async () => {
  const tables = [...derived, ...columns]
  const rows = await Promise.all(
    tables.map(table =>
      database.any<{ row: string }>(
        sql.fragment`SELECT (to_jsonb(row) - 'since')::text AS row FROM ${sql.identifier([table])} AS row ORDER BY 1`,
      ),
    ),
  )
  return Object.fromEntries(tables.map((table, index) => [table, rows[index]?.map(({ row }) => row)]))
}

t.test('everything beside the resources can be derived from them again', async t => {
  const before = await dump()
  for (const table of derived) {
    t.ok((before[table]?.length ?? 0) > 0, `${table} has something to lose`)
    await database.run(sql.fragment`DELETE FROM ${sql.identifier([table])}`)
  }
  for (const table of columns) await database.run(sql.fragment`UPDATE ${sql.identifier([table])} SET tokens = '{}'`)
  await database.run(sql.fragment`
    UPDATE observation SET kind_id = 0, device_id = 0, is_joint = FALSE,
      effective_start = '-infinity', effective_end = 'infinity'`)
  const progress: number[] = []
  const { done } = await reindex({
    database,
    dictionaryConnection: database,
    registry: loadRegistry(),
    classes: openCodeClasses(),
    onProgress: ({ done }) => progress.push(done),
  })
  t.equal(progress.at(-1), done)
  const after = await dump()
  for (const table of Object.keys(before)) t.strictSame(after[table], before[table], table)
})

t.test('it looks at each of many Observations a few times, not at all of them for each five hundred', async t => {
  await database.run(sql.fragment`
    INSERT INTO observation SELECT patient_id, 9000000000 + number, 'copy-' || number, version, last_updated, owner, author, '{}'::bigint[],
      content, kind_id, device_id, effective_start, effective_end, is_joint, lasts_from, lasts_until
    FROM observation, generate_series(1, 10000) AS number WHERE id = 'of-seconds'`)
  await database.run(sql.fragment`ANALYZE observation`)
  // PostgreSQL chooses the same if there are more.
  await database.run(
    sql.fragment`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$`,
  )
  const before = await rowsSeen()
  const own = openDatabase(world.url, { poolSize: 2 })
  const [registry, classes] = [loadRegistry(), openCodeClasses()]
  await reindex({ database: own, dictionaryConnection: database, registry, classes })
  // What a connection has read is counted by the time it ends.
  await own.close()
  const { count, passedOver } = await database.one<{ count: number; passedOver: number }>(sql.fragment`
    SELECT count(*)::int AS count, count(*) FILTER (WHERE tokens = '{}')::int AS "passedOver" FROM observation`)
  t.equal(passedOver, 0, 'none is left out')
  const times = ((await rowsSeen()) - before) / count
  t.ok(times <= 8, `${times} times`)
})

const rowsSeen = async (): Promise<number> => {
  const { rows } = await database.one<{ rows: number }>(sql.fragment`
    SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_user_tables WHERE relname = 'observation'`)
  return rows
}

t.test('however many patients there are, few locks are held', async t => {
  const held: number[] = []
  const counting: typeof database = {
    ...database,
    writing: run =>
      database.writing(async (connection, joinings) => {
        const done = await run(connection, joinings)
        const { locks } = await connection.one<{ locks: number }>(sql.fragment`
          SELECT count(*)::integer AS locks FROM pg_locks
          WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND classid::bigint = hashtext('consent')::bigint & 4294967295`)
        held.push(locks)
        return done
      }),
  }
  const dictionaryConnection = openDatabase(world.url, { poolSize: 1 })
  await reindex({ database: counting, dictionaryConnection, registry: loadRegistry(), classes: openCodeClasses() })
  await dictionaryConnection.close()
  t.strictSame(new Set(held), new Set([0]))
})

t.test(
  'whoever writes a Consent while it derives who may see what waits, and then is answered as otherwise',
  async t => {
    const own = openDatabase(world.url, { poolSize: 2 })
    t.teardown(() => own.close())
    const [given] = await database.any<{ content: Consent; study: string }>(sql.fragment`
    SELECT consent.content, study.id AS study FROM consent
    JOIN consent_grantee ON consent_grantee.patient_id = consent.patient_id AND consent_grantee.pk = consent.pk
    JOIN study ON study.grantee = consent_grantee.grantee
    WHERE consent.content ->> 'status' = 'active' ORDER BY consent.pk LIMIT 1`)
    if (given === undefined) throw new Error('nobody has given anything')
    const patient = { reference: 'Patient/late' }
    for (const resource of [
      { resourceType: 'Patient', id: 'late' },
      {
        resourceType: 'ResearchSubject',
        id: 'late',
        status: 'candidate',
        study: { reference: `ResearchStudy/${given.study}` },
        individual: patient,
      },
    ])
      t.equal((await world.everything('PUT', `${resource.resourceType}/late`, resource)).status, 201)
    const held = Promise.withResolvers<void>()
    const holding = database.transaction(async connection => {
      await connection.any(sql.fragment`SELECT FROM consent ORDER BY pk LIMIT 1 FOR UPDATE`)
      await held.promise
    })
    const deriving = reindex({
      database: own,
      dictionaryConnection: own,
      registry: loadRegistry(),
      classes: openCodeClasses(),
    })
    await someoneWaits(database)
    const writing = world.everything('PUT', 'Consent/late', { ...given.content, id: 'late', patient })
    await someoneWaits(database, 2)
    held.resolve()
    await holding
    t.equal((await writing).status, 201)
    await deriving
  },
)

t.test(
  'if what a Consent gives cannot be stored, it fails for that reason, and not for what came of it for others',
  async t => {
    await database.run(sql.fragment`
    CREATE FUNCTION refuse_last() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.pk = (SELECT max(pk) FROM consent WHERE patient_id <> 0) THEN RAISE 'there is no room for it'; END IF;
      RETURN NEW;
    END $$`)
    await database.run(sql.fragment`
    CREATE TRIGGER refuse_last BEFORE INSERT ON consent_grantee FOR EACH ROW EXECUTE FUNCTION refuse_last()`)
    const [registry, classes] = [loadRegistry(), openCodeClasses()]
    await t.rejects(reindex({ database, dictionaryConnection: database, registry, classes }), {
      message: 'there is no room for it',
    })
  },
)
