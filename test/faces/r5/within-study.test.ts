import t from 'tap'
import { openContractWorld } from '../contract-world.ts'

const world = await openContractWorld()
const { ask, app, patient, researcher, server, study } = world
t.teardown(() => server.close())

const named = '_has:Group:member:_id'
const found = async (...query: [string, string][]) => {
  const answer = await ask(researcher, `/FHIR/R5/Observation?${new URLSearchParams([...query, ['_elements', 'id']])}`)
  return answer.json().entry.length
}

t.before(async () => {
  const measured = await ask(app, '/fhir/Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-03-01T08:00:00Z',
    valueQuantity: { value: 60 },
  })
  t.equal(measured.statusCode, 201, measured.body)
})

t.test('the Group of a study may be named twice, in whatever way', async t => {
  t.equal(await found([named, study.group]), 1)
  t.equal(await found([named, study.group], [`patient.${named}`, `Group/${study.group}`]), 1)
})

t.test('with several Groups, people are found who are in all of them, in whatever order they are named', async t => {
  t.equal(await found([named, study.group], [named, 'nothing']), 0)
  t.equal(await found([named, 'nothing'], [named, study.group]), 0)
})
