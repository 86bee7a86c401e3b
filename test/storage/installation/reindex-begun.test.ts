import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { findReindexBegun } from '../../../src/storage/installation/reindex-begun.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const put = (id: string, birthDate: string) =>
  server.inject({
    method: 'PUT',
    url: `/fhir/Patient/${id}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: JSON.stringify({ resourceType: 'Patient', id, birthDate }),
  })
const found = async () => {
  const answer = await server.inject({
    url: '/fhir/Patient?birthdate=2001&_summary=count',
    headers: { authorization: 'Bearer everything' },
  })
  return answer.json().total
}
const given = { database, dictionaryConnection: database, registry: loadRegistry(), classes: openCodeClasses() }
const whole = () => reindex(given)
/** Ends once a part is done, as if it were killed there. */
const cutShort = () =>
  reindex({
    ...given,
    onProgress: () => {
      throw new Error('killed')
    },
  })

t.test('a reindex that was cut short is known of until another one has come to its end', async t => {
  await put('ann', '2001-02-03')
  await whole()
  t.equal(await findReindexBegun(database), undefined, 'of one that has ended, nothing is')
  const before = Date.now()
  await t.rejects(cutShort())
  await t.rejects(cutShort())
  const begun = await findReindexBegun(database)
  t.ok(begun !== undefined && Math.abs(begun.getTime() - before) < 600_000)
  await whole()
  t.equal(await findReindexBegun(database), undefined)
})

t.test('what a reindex that was cut short has not come to is made by the next', async t => {
  await Promise.all(Array.from({ length: 9 }, (_, index) => put(`bob-${index}`, '2001-01-01')))
  await put('last', '2001-01-01')
  const all = await found()
  await database.run(sql.fragment`DELETE FROM index_date`)
  t.equal(await found(), 0)
  await t.rejects(cutShort())
  await whole()
  t.equal(await found(), all)
})
