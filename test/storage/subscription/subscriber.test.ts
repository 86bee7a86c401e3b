import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { endedSubscribers } from '../../../src/storage/subscription/subscriber.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())

const count = 450
await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds', client: 'cli' })
await database.run(sql.fragment`
  INSERT INTO token SELECT (jsonb_populate_record(one, jsonb_build_object('hash', sha256(number::text::bytea)))).*
  FROM (SELECT * FROM token WHERE scope = 'user/*.cruds' LIMIT 1) AS kept, LATERAL (SELECT kept::token AS one) AS row,
    generate_series(1, ${count}::integer) AS number`)
await database.run(sql.fragment`
  INSERT INTO subscriber (id, status, type, ends_at, hash, kind, person_id, patient_id, client_id, scope, context, grant_id)
  SELECT lpad(number::text, 4, '0'), (ARRAY['active', 'error', 'off'])[1 + number % 3], 'Observation', 'infinity', hash, kind,
    person_id, patient_id, client_id, scope, context, grant_id
  FROM generate_series(1, ${count}::integer) AS number JOIN token ON token.hash = sha256(number::text::bytea)`)

/** How many queries it took, and whom they found. */
const walk = async () => {
  const found: string[] = []
  for (let [behind, questions] = [undefined as string | undefined, 1]; ; questions += 1) {
    const { ended, last } = await endedSubscribers(database, behind)
    found.push(...ended.map(({ id }) => id))
    if (last === undefined) return { found, questions }
    behind = last
  }
}

t.test('grants are checked in portions, and none has ended while all are in force', async t => {
  t.same(await walk(), { found: [], questions: 2 })
})

t.test('each subscriber whose token was revoked is found once, unless the Subscription is off', async t => {
  await database.run(sql.fragment`
    UPDATE token SET revoked_at = now()
    WHERE hash IN (SELECT sha256(number::text::bytea) FROM generate_series(1, ${count}::integer, 10) AS number)`)
  const revoked = Array.from({ length: count / 10 }, (_, index) => 1 + 10 * index)
  const served = revoked.filter(number => number % 3 !== 2)
  t.same(await walk(), { found: served.map(number => `${number}`.padStart(4, '0')), questions: 2 })
})
