import type { Appointment } from '@medplum/fhirtypes'
import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())

const send = (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object, bearer = 'everything') =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    ...(payload && { payload: JSON.stringify(payload) }),
  })
for (const id of ['ann', 'bob', 'cleo', 'dan']) await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id })
const bobs = await token({ subject: { kind: 'patient', patient: 'bob' }, scope: 'patient/*.rs' })

const visit = 'Appointment/visit'
const appointment = (start: string, ...patients: readonly string[]): Appointment => ({
  resourceType: 'Appointment',
  id: 'visit',
  status: 'booked',
  start,
  end: start,
  participant: patients.map(id => ({ actor: { reference: `Patient/${id}` }, status: 'accepted' })),
})
const before = appointment('2026-01-01T08:00:00Z', 'ann', 'bob')
const after = appointment('2026-02-01T08:00:00Z', 'cleo', 'dan')

/** Reindexes, and writes once the reindexing has read what is written. */
const reindexBeside = async (write: () => ReturnType<typeof send>) => {
  const { done, written } = await database.transaction(async connection => {
    await connection.any(sql.fragment`SELECT FROM compartment FOR UPDATE`)
    const given = { registry: loadRegistry(), classes: openCodeClasses() }
    const done = reindex({ database, dictionaryConnection: database, ...given })
    await someoneWaits(connection)
    const written = write()
    await someoneWaits(connection, 2)
    return { done, written }
  })
  await done
  return (await written).statusCode
}

t.test(
  'what is changed while it is being reindexed is found and read by what it says now, and by nothing else',
  async t => {
    await send('PUT', visit, before)
    t.equal((await send('GET', visit, undefined, bobs)).statusCode, 200)
    t.equal(await reindexBeside(() => send('PUT', visit, after)), 200)
    t.equal((await send('GET', visit, undefined, bobs)).statusCode, 404)
    const count = async (query: string) => (await send('GET', `${query}_summary=count`)).json().total
    t.same(await Promise.all(['bob', 'cleo'].map(patient => count(`Patient/${patient}/Appointment?`))), [0, 1])
    t.same(await Promise.all(['01', '02'].map(month => count(`Appointment?date=2026-${month}-01&`))), [0, 1])
  },
)

t.test('what is deleted while it is being reindexed leaves nothing by which it was found', async t => {
  await send('PUT', visit, before)
  t.equal(await reindexBeside(() => send('DELETE', visit)), 204)
  for (const table of ['compartment', 'index_date'])
    t.same(await database.any(sql.fragment`SELECT FROM ${sql.identifier([table])}`), [], table)
})
