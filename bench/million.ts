import pg from 'pg'
import type { Api } from './api.ts'
import { type Measure, measures, minutesAfter, observationOf } from './documents.ts'
import { openProgress } from './progress.ts'

/**
 * Makes many Observations quickly: some are written through the server, and SQL makes the others from their rows, with their own patients, times
 * and keys. As in real life, they come in the order of time, with all patients mixed, some of whom have far more than others.
 */
export const loadObservations = async (
  importer: Api,
  databaseUrl: string,
  { patients, rows }: { readonly patients: readonly string[]; readonly rows: number },
): Promise<void> => {
  await writeTemplates(importer, patients[0] ?? '')
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c timezone=UTC' })
  await client.connect()
  const progress = openProgress('load', rows)
  await client.query(templateTable)
  await client.query(planTable, [patients, rows])
  for (let first = 0; first < rows; first += chunk) {
    await client.query(multiplication, [first, Math.min(first + chunk, rows)])
    progress.step(Math.min(chunk, rows - first))
  }
  await client.query("SELECT setval('resource_pk', (SELECT max(pk) FROM observation) + 1)")
  // What autovacuum and the checkpointer would do soon is done now, so that it does not happen during a measurement.
  await client.query('VACUUM (ANALYZE)')
  await client.query('CHECKPOINT')
  progress.stop()
  await client.end()
}

const chunk = 20_000
const templatesOfEach = 100

const writeTemplates = async (importer: Api, patient: string): Promise<void> => {
  for (const measure of Object.keys(measures) as Measure[]) {
    const entry = Array.from({ length: templatesOfEach }, (_, index) => ({
      resource: observationOf(patient, measure, minutesAfter(new Date('2020-01-01T00:00:00Z'), index)),
      request: { method: 'POST', url: 'Observation' },
    }))
    await importer.post('', JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }))
  }
}

/** A token that all templates of a code share is kept; one that only one of them has is for an identifier. */
const templateTable = `
  CREATE TEMPORARY TABLE template AS
  WITH shared AS (
    SELECT token FROM observation, unnest(tokens) AS token GROUP BY token HAVING count(*) > 1
  )
  SELECT dense_rank() OVER (ORDER BY kind_id)::integer - 1 AS measure,
    row_number() OVER (PARTITION BY kind_id ORDER BY pk)::integer - 1 AS number, observation.*,
    ARRAY(SELECT unnest(tokens) INTERSECT SELECT token FROM shared) AS shared_tokens,
    (SELECT count(*)::integer FROM unnest(tokens) AS token WHERE token NOT IN (SELECT token FROM shared)) AS own_tokens,
    (SELECT type_id FROM resource_type WHERE name = 'Observation') AS type_id
  FROM observation`

/** Who has the n-th row: the first patients come up most often. Of twenty rows, 12 have one code, 6 another, and 1 each of the others. */
const planTable = `
  CREATE TEMPORARY TABLE plan AS
  WITH person AS (
    SELECT id, patient_id, position, 1 / sqrt(position) AS weight
    FROM unnest($1::text[]) WITH ORDINALITY AS person(id, position) JOIN patient_compartment USING (id)
  ),
  row AS (
    SELECT id, patient_id, position, number,
      number / weight AS due
    FROM person, generate_series(1, ceil($2 * weight / (SELECT sum(weight) FROM person))::integer) AS number
  )
  SELECT row_number() OVER (ORDER BY due, position) - 1 AS n, id AS patient, patient_id,
    timestamptz '2021-01-01 00:00Z' + make_interval(mins => number * 5, secs => position) AS time,
    CASE WHEN number % 20 < 12 THEN 0 WHEN number % 20 < 18 THEN 1 ELSE number % 20 - 16 END AS measure,
    (number * 37 + position) % ${templatesOfEach} AS template
  FROM row`

/** The keys begin later, since the server may still use the rest of the thousand keys that it took last. */
const multiplication = `
  WITH made AS MATERIALIZED (
    SELECT template.pk AS template_pk, template.patient_id AS template_patient, template.type_id, plan.patient_id,
      greatest((SELECT max(pk) FROM observation), (SELECT last_value + 999 FROM resource_pk))
        + row_number() OVER (ORDER BY plan.n) AS pk, uuidv7()::text AS id, template.version,
      template.last_updated, template.owner, template.author,
      shared_tokens || ARRAY(SELECT ('x' || substr(md5(plan.n || '/' || one), 1, 16))::bit(64)::bigint
        FROM generate_series(1, own_tokens) AS one) AS tokens,
      template.content, plan.patient, template.kind_id, template.device_id, plan.time, template.is_joint
    FROM plan JOIN template ON template.measure = plan.measure AND template.number = plan.template
    WHERE plan.n >= $1 AND plan.n < $2
  ),
  identity AS (
    INSERT INTO resource_identity (type_id, id, patient_id, pk) SELECT type_id, id, patient_id, pk FROM made
  ),
  keys AS (
    INSERT INTO upload_key (patient_id, kind, key, pk, digest)
    SELECT patient_id, 1, gen_random_uuid(), pk, sha256(id::bytea) FROM made
  ),
  codes AS (
    INSERT INTO observation_code (patient_id, code_id, kind_id, device_id, component, is_joint, effective_start,
      effective_end, pk, unit_id, value, last_updated, statistic, also_code_id)
    SELECT made.patient_id, code.code_id, code.kind_id, code.device_id, code.component, code.is_joint, made.time,
      made.time + (code.effective_end - code.effective_start), made.pk, code.unit_id, code.value, made.last_updated,
      code.statistic, code.also_code_id
    FROM made JOIN observation_code AS code ON code.patient_id = made.template_patient AND code.pk = made.template_pk
  )
  INSERT INTO observation (patient_id, pk, id, version, last_updated, owner, author, tokens, content, kind_id, device_id,
    effective_start, effective_end, is_joint)
  SELECT patient_id, pk, id, version, last_updated, owner, author, tokens,
    content || jsonb_build_object('id', id, 'subject', jsonb_build_object('reference', 'Patient/' || patient),
      'effectiveDateTime', to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    kind_id, device_id, time, time + interval '1 second', is_joint
  FROM made`
