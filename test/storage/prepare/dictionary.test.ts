import t from 'tap'
import { type Connection, openDatabase } from '../../../src/storage/database.ts'
import { openDictionary } from '../../../src/storage/prepare/dictionary.ts'
import { sql } from '../../../src/storage/sql.ts'
import { setBackWhile } from '../../support/clock.ts'
import { openTestDatabase, withDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

t.test('what another process changed is seen within six seconds, even if the clock is set back an hour', async t => {
  const { patients, deviceSources } = openDictionary(database)
  await database.run(sql.fragment`
    INSERT INTO device (patient_id, pk, id, version, last_updated, author, tokens, content)
    VALUES (0, 1, 'band', 1, now(), 1, '{}', '{}')`)
  await database.run(sql.fragment`
    INSERT INTO resource_identity (type_id, id, patient_id, pk)
    SELECT type_id, 'band', 0, 1 FROM resource_type WHERE name = 'Device'`)
  const before = await patients.idsOf(['ann', 'ben'])
  t.ok((await deviceSources.of(database, new Set(['band']))).has('band'))
  await database.run(sql.fragment`
    UPDATE patient_compartment SET patient_id = ${before.get('ann') ?? 0} WHERE id = 'ben'`)
  await database.run(sql.fragment`DELETE FROM device WHERE id = 'band'`)
  setBackWhile(t, 6)
  t.equal((await patients.idsOf(['ben'])).get('ben'), before.get('ann'))
  t.notOk((await deviceSources.of(database, new Set(['band']))).has('band'))
})

t.test('the memory of numbers is bounded, and what is not in it is looked up again', async t => {
  let lookUps = 0
  const counting: Connection = {
    ...database,
    any: query => {
      lookUps += 1
      return database.any(query)
    },
  }
  const { codes } = openDictionary(counting, { mostBytes: 10_000 })
  const few = await codes.idsOf(['http://loinc.org|8867-4'])
  await codes.idsOf(['http://loinc.org|8867-4'])
  t.equal(lookUps, 2, 'before it was inserted and after')
  const many = Array.from({ length: 200 }, (_, number) => `http://example.org|${number}`)
  const numbers = await codes.idsOf(['http://loinc.org|8867-4', ...many])
  t.equal(numbers.size, 201)
  t.equal(numbers.get('http://loinc.org|8867-4'), few.get('http://loinc.org|8867-4'))
  t.same(await codes.idsOf(['http://loinc.org|8867-4']), few)
  t.equal(lookUps, 5, 'the unknown ones before and after, and the forgotten one')
})

t.test('a kind of several kinds has its members in each database that a process uses', async t => {
  const another = await withDatabase()
  const beside = openDatabase(another.url, { poolSize: 1 })
  t.teardown(async () => {
    await beside.close()
    await another.close()
  })
  for (const one of [database, beside]) {
    const { kinds } = openDictionary(one)
    const key = 'omh:body-weight+omh:heart-rate'
    const numbers = await kinds.idsOf([key])
    const { members } = await one.one<{ members: readonly number[] }>(
      sql.fragment`SELECT members FROM kind WHERE key = ${key}`,
    )
    t.strictSame(members, [numbers.get('omh:body-weight'), numbers.get('omh:heart-rate')])
  }
})
