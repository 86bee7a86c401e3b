import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { storedRow } from '../../../src/storage/row.ts'
import { sortKeys } from '../../../src/storage/search/sort.ts'
import { sql } from '../../../src/storage/sql.ts'
import { elementText, someElement } from '../../../src/storage/values/element.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)

t.test('however many elements a resource has, searching them takes no longer than a statement may', async t => {
  const path = { datatype: 'code', steps: [{ name: 'code' }] }
  const isIn = (code: string) =>
    someElement(sql.fragment`content`, [path], () => [{ holds: sql.fragment`${elementText} = ${code}` }])
  t.same(
    await database.one(sql.fragment`
      SELECT ${isIn('800000')} AS "isThere", ${isIn('x')} AS "isElse"
      FROM (SELECT jsonb_build_object('code', jsonb_agg(number::text)) AS content
        FROM generate_series(1, 800000) AS number OFFSET 0) AS resource`),
    { isThere: true, isElse: false },
  )
})

t.test('nor does sorting by them', async t => {
  const search = parseSearch(loadRegistry(), 'Observation', new URLSearchParams({ _sort: 'performer' }))
  const [key] = sortKeys(search, storedRow('Observation', 'row'))
  t.match(
    await database.one(sql.fragment`
      SELECT ${key?.value ?? sql.fragment`NULL`} AS key
      FROM (SELECT jsonb_build_object('performer', jsonb_agg(jsonb_build_object('reference', 'Patient/' || number))) AS content
        FROM generate_series(1, 1200000) AS number OFFSET 0) AS row`),
    { key: 'patient/1' },
  )
})
