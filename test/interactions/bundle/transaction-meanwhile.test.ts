import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const post = (url: string, resource: object) =>
  server.inject({
    method: 'POST',
    url,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: JSON.stringify(resource),
  })

t.test('what another request created meanwhile is a conflict, and not a fault of the Bundle', async t => {
  const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:test', value: 'meanwhile' }] }
  const entry = [
    { resource: patient, request: { method: 'PUT', url: 'Patient?identifier=urn:test|meanwhile' } },
    { resource: { resourceType: 'Basic', code: { text: 'x' } }, request: { method: 'POST', url: 'Basic' } },
  ]
  const send = () => post('/fhir', { resourceType: 'Bundle', type: 'transaction', entry })
  // The creates of a transaction come after it has looked up its updates.
  const late = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE basic IN ACCESS EXCLUSIVE MODE`)
    const sent = send()
    await someoneWaits(connection)
    t.equal((await post('/fhir/Patient', patient)).statusCode, 201)
    return { sent }
  })
  const answer = await late.sent
  t.match(answer.json().issue, [{ code: 'conflict', expression: ['Bundle.entry[0]'], diagnostics: /: send it again$/ }])
  t.equal(answer.statusCode, 409)
  t.equal((await send()).statusCode, 200)
})
