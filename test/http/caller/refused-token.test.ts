import { once } from 'node:events'
import t from 'tap'
import WebSocket from 'ws'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database, token } = await fhirWorld({}, { pauseMs: 1000, retries: 0 })
t.teardown(() => server.close())
const address = await server.listen({ port: 0, host: '127.0.0.1' })
await server.inject({
  method: 'PUT',
  url: '/fhir/Patient/ann',
  headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
  payload: { resourceType: 'Patient', id: 'ann' },
})

/** A token for Ann that has expired. */
const overToken = () => token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs', ttlSeconds: -1 })

const recordedOfAnn = async <T>(run: () => Promise<T>) => {
  const last = await database.one<{ id: string }>(
    sql.fragment`SELECT coalesce(max(id), 0)::text AS id FROM audit_record`,
  )
  await run()
  return database.any(sql.fragment`
    SELECT interaction, type, resource FROM audit_record
    WHERE id > ${last.id}::bigint AND patient = 'ann' AND outcome = 401 ORDER BY id`)
}

const ask = async (bearer: string, url: string, method: 'GET' | 'DELETE' = 'GET') => {
  const { statusCode } = await server.inject({ method, url, headers: { authorization: `Bearer ${bearer}` } })
  if (statusCode !== 401) throw new Error(`${method} ${url}: ${statusCode}`)
}

t.test('a request for nothing, followed by one for somebody, is recorded for the patient', async t => {
  for (const nowhere of ['/fhir/x', '/fhir/_async/x/y', '/FHIR/R5/x']) {
    const over = await overToken()
    t.same(
      await recordedOfAnn(async () => {
        await ask(over, nowhere)
        for (const _ of [1, 2, 3]) await ask(over, '/fhir/Patient/ann')
      }),
      [{ interaction: 'read', type: 'Patient', resource: 'ann' }],
      nowhere,
    )
  }
})

t.test('asking for the result of a later answer, or cancelling it, is recorded', async t => {
  const later = '/fhir/_async/5f2a9c1e-0000-4000-8000-000000000001'
  for (const [method, interaction] of [
    ['GET', 'read'],
    ['DELETE', 'delete'],
  ] as const) {
    const over = await overToken()
    t.same(await recordedOfAnn(() => ask(over, later, method)), [{ interaction, type: null, resource: null }], method)
  }
})

t.test('opening a websocket is recorded', async t => {
  const over = await overToken()
  const recorded = await recordedOfAnn(async () => {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/ws`, {
      headers: { authorization: `Bearer ${over}` },
    })
    const [, response] = await once(socket, 'unexpected-response')
    t.equal(response.statusCode, 401)
    response.destroy()
  })
  t.same(recorded, [{ interaction: 'read', type: 'Subscription', resource: null }])
})

t.test('each route of the contract of the JupyterHealth Exchange records', async t => {
  const over = await overToken()
  t.same(await recordedOfAnn(() => ask(over, '/api/v1/clients')), [{ interaction: 'read', type: null, resource: null }])
})
