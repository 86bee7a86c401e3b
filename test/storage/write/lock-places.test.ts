import t from 'tap'
import type { Connection } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { point, upload } from '../../mhealth/upload.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const send = (method: 'POST' | 'PUT', url: string, payload: object) =>
  server.inject({
    method,
    url: `/fhir${url && `/${url}`}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: JSON.stringify(payload),
  })
const put = (id: string) => send('PUT', `Patient/${id}`, { resourceType: 'Patient', id })
const bundleOf = (type: string, entry: readonly object[]) => ({ resourceType: 'Bundle', type, entry })
const change = {
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'add' },
        { name: 'path', valueString: 'Patient' },
        { name: 'name', valueString: 'active' },
        { name: 'value', valueBoolean: true },
      ],
    },
  ],
}
const changes: Readonly<Record<string, (id: string) => object>> = {
  PUT: id => ({
    resource: { resourceType: 'Patient', id, active: true },
    request: { method: 'PUT', url: `Patient/${id}` },
  }),
  PATCH: id => ({ resource: change, request: { method: 'PATCH', url: `Patient/${id}` } }),
  DELETE: id => ({ request: { method: 'DELETE', url: `Patient/${id}` } }),
}

const lock = (connection: Connection, id: string) =>
  connection.any<{ id: string }>(sql.fragment`SELECT id FROM resource_identity WHERE id = ${id} FOR UPDATE SKIP LOCKED`)

for (const type of ['transaction', 'batch'])
  for (const [method, entryOf] of Object.entries(changes))
    t.test(`a ${type} that waits for one resource has not locked any that comes after it, by ${method}`, async t => {
      const [first, last] = [`${type}-${method.toLowerCase()}-1`, `${type}-${method.toLowerCase()}-2`]
      for (const id of [first, last]) await put(id)
      const { answer, free } = await database.transaction(async connection => {
        await lock(connection, first)
        const answer = send('POST', '', bundleOf(type, [entryOf(last), entryOf(first)]))
        await someoneWaits(connection)
        return { answer, free: await lock(connection, last) }
      })
      t.strictSame(free, [{ id: last }])
      const { entry } = (await answer).json()
      const status = method === 'DELETE' ? '204 No Content' : '200 OK'
      t.strictSame(
        entry.map(({ response }: { response: { status: string } }) => response.status),
        [status, status],
      )
    })

/** Two documents of each minute tell of the same record of the vendor. */
const documentsOf = (patient: string) =>
  Array.from({ length: 20 }, (_, minute) => [minute, minute]).flatMap(([minute = 0], index) =>
    [1, 2].map(time => ({
      request: { method: 'POST', url: 'Observation' },
      resource: {
        ...upload(
          point(
            'omh:heart-rate:2.0',
            {
              heart_rate: { value: 60 + time, unit: 'beats/min' },
              effective_time_frame: { date_time: `2026-03-01T07:${String(minute).padStart(2, '0')}:00Z` },
            },
            {
              uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(index * 10 + time).padStart(12, '0')}`,
              acquisition_provenance: {
                source_name: 'pulse meter',
                source_last_modification_date_time: `2026-03-01T08:0${time}:00Z`,
                source_data_point_id: `record-${minute}`,
              },
            },
          ),
        ),
        subject: { reference: `Patient/${patient}` },
      },
    })),
  )

for (const type of ['transaction', 'batch'])
  t.test(`documents with keys in common come in either order at once, in a ${type}`, async t => {
    const patient = `${type}-documents`
    await put(patient)
    const documents = documentsOf(patient)
    const orders = [documents, documents.toReversed()]
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => send('POST', '', bundleOf(type, orders[index % 2] ?? []))),
    )
    const statuses = answers.flatMap(answer => [
      answer.statusCode,
      ...answer.json().entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 2)),
    ])
    t.strictSame([...new Set(statuses)].sort(), ['20', 200])
    const { total } = (
      await server.inject({
        url: `/fhir/Observation?patient=${patient}&_summary=count`,
        headers: { authorization: 'Bearer everything' },
      })
    ).json()
    t.equal(total, 20)
  })

t.test('a transaction takes ids that do not exist yet in one order', async t => {
  const ids = ['chosen-2', 'chosen-1']
  const { answer, free } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      INSERT INTO resource_identity (type_id, id, patient_id, pk)
      SELECT type_id, 'chosen-1', 0, -1 FROM resource_type WHERE name = 'Patient'`)
    const answer = send(
      'POST',
      '',
      bundleOf(
        'transaction',
        ids.map(id => changes.PUT?.(id) ?? {}),
      ),
    )
    await someoneWaits(connection)
    await connection.run(sql.fragment`SET LOCAL lock_timeout = '500ms'`)
    const taken = sql.fragment`
      INSERT INTO resource_identity (type_id, id, patient_id, pk)
      SELECT type_id, 'chosen-2', 0, -2 FROM resource_type WHERE name = 'Patient' RETURNING id`
    const free = await connection.any<{ id: string }>(taken)
    await connection.run(sql.fragment`DELETE FROM resource_identity WHERE pk < 0`)
    return { answer, free }
  })
  t.strictSame(free, [{ id: 'chosen-2' }])
  t.equal((await answer).statusCode, 200)
})
