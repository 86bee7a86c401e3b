import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)

const longest = 'x'.repeat(64)
const patients: readonly (readonly [reference: unknown, id: string | null])[] = [
  [{ reference: 'Patient/1' }, '1'],
  [{ reference: 'Patient/a-B.9', display: 'Ann' }, 'a-B.9'],
  [{ reference: `Patient/${longest}` }, longest],
  [{ reference: `Patient/${longest}x` }, null],
  [{ reference: 'Patient/' }, null],
  [{ reference: 'Patient' }, null],
  [{ reference: 'Patient/1/_history/2' }, null],
  [{ reference: 'Patient/1\n' }, null],
  [{ reference: 'Patient/é' }, null],
  [{ reference: 'Group/1' }, null],
  [{ reference: 'PatientX/1' }, null],
  [{ reference: 'patient/1' }, null],
  [{ reference: 'https://elsewhere.example/fhir/Patient/1' }, null],
  [{ reference: '#1' }, null],
  [{ reference: 7 }, null],
  [{ reference: ['Patient/1'] }, null],
  [{ identifier: { value: 'Patient/1' } }, null],
  ['Patient/1', null],
  [null, null],
]

t.test('a relative reference to the type gives an id, and nothing else does', async t => {
  for (const [reference, id] of patients) {
    const found = await database.one(
      sql.fragment`SELECT referenced_id(${JSON.stringify(reference)}::jsonb, 'Patient') AS id`,
    )
    t.strictSame(found, { id }, JSON.stringify(reference))
  }
  t.strictSame(await database.one(sql.fragment`SELECT referenced_id(NULL, 'Patient') AS id`), { id: null })
})

t.test('it is a plpgsql function, so that no statement is started for each row', async t => {
  const { language } = await database.one<{ language: string }>(sql.fragment`
    SELECT lanname AS language FROM pg_proc JOIN pg_language AS spoken ON spoken.oid = prolang WHERE proname = 'referenced_id'`)
  t.equal(language, 'plpgsql')
})
