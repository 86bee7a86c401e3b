import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { plannedAnew, sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 1 })

/** Selects so many ones; each length is a statement of its own. */
const shape = (length: number) =>
  sql.fragment`SELECT ${sql.join(Array(length).fill(sql.fragment`1`), sql.fragment`, `)}`

const prepared = async () => {
  const { count, characters } = await database.one<{ count: number; characters: number }>(sql.fragment`
    SELECT count(*)::integer AS count, coalesce(sum(length(statement)), 0)::integer AS characters
    FROM pg_prepared_statements`)
  return { count, characters }
}

t.test('a statement that is used again is prepared once', async t => {
  for (let time = 0; time < 3; time++) await database.any(shape(3))
  t.equal((await prepared()).count, 2, 'including this question itself')
})

t.test('however many shapes searches have, the text that a connection keeps prepared is bounded', async t => {
  for (let length = 1000; length < 1600; length++) await database.any(shape(length))
  t.ok((await prepared()).characters < 1_010_000)
  await database.transaction(async connection => {
    for (let length = 1000; length < 1600; length++) await connection.any(shape(length))
  })
  t.ok((await prepared()).characters < 1_010_000, 'also after a transaction')
})

t.test('a statement that is to be planned for its values is not kept, whichever way it is asked', async t => {
  const { count } = await prepared()
  const one = (value: string) =>
    sql.fragment`SELECT ${plannedAnew} ${value}::text AS value, current_setting('plan_cache_mode') AS mode`
  for (const ask of [database.any, database.kept])
    for (const value of ['a', 'b']) t.strictSame(await ask(one(value)), [{ value, mode: 'auto' }])
  t.equal((await prepared()).count, count)
})

t.test('a very long statement is not kept', async t => {
  const { count } = await prepared()
  const ones = sql.join(Array(25_000).fill(sql.fragment`1`), sql.fragment`, `)
  t.equal((await database.any(sql.fragment`SELECT 1 WHERE 1 IN (${ones})`)).length, 1)
  t.equal((await prepared()).count, count)
})

t.test('more values than the protocol can count are refused, and not a fault', async t => {
  const values = sql.join(
    Array.from({ length: 65_536 }, (_, index) => sql.fragment`${index}`),
    sql.fragment`, `,
  )
  const error = await database.any(sql.fragment`SELECT 1 WHERE 1 IN (${values})`).catch(one => one)
  t.ok(error instanceof FhirError)
  t.match(error, { issues: [{ code: 'too-costly', message: /ask in parts/ }] })
})
