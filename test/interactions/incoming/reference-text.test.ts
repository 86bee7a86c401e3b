import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const send = async (method: 'POST' | 'PUT' | 'PATCH', url: string, payload: object | string, headers = {}) => {
  const answer = await server.inject({
    method,
    url: url === '' ? '/fhir' : `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...headers },
    payload,
  })
  return { status: answer.statusCode, body: answer.json() }
}
const json = { 'content-type': 'application/json-patch+json' }
const xml = { 'content-type': 'application/fhir+xml', accept: 'application/fhir+json' }
const condition = (reference: string, id?: string) => ({ resourceType: 'Condition', id, subject: { reference } })
const bundle = (type: 'batch' | 'transaction', reference: string) => ({
  resourceType: 'Bundle',
  type,
  entry: [{ resource: condition(reference), request: { method: 'POST', url: 'Condition' } }],
})
await send('PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })
await send('PUT', 'Condition/c', condition('Patient/ann', 'c'))

const refusal = (expression: string) => ({
  code: 'value',
  diagnostics:
    /expected a URL, relative with a type of R4 \(Patient\/1\), absolute .* or of a contained resource \(#p1\)$/,
  expression: [expression],
})
const alone = 'Condition.subject.reference'

t.test('what can be no reference is refused at its element, whichever way it is written', async t => {
  for (const text of ['ann', 'Patient', '/Patient/1', 'patient/1', 'Nothing/1']) {
    const toNothing = [{ op: 'replace', path: '/subject/reference', value: text }]
    const inXml = `<Condition xmlns="http://hl7.org/fhir"><subject><reference value="${text}"/></subject></Condition>`
    for (const answer of [
      await send('POST', 'Condition', condition(text)),
      await send('PUT', 'Condition/c', condition(text, 'c')),
      await send('PATCH', 'Condition/c', toNothing, json),
      await send('POST', 'Condition', inXml, xml),
    ])
      t.match(answer, { status: 422, body: { issue: [refusal(alone)] } }, text)
    const transaction = await send('POST', '', bundle('transaction', text))
    t.match(transaction, { status: 422, body: { issue: [refusal(`Bundle.entry[0].resource.subject.reference`)] } })
    const { body } = await send('POST', '', bundle('batch', text))
    t.match(body.entry[0].response, { status: '422', outcome: { issue: [refusal(alone)] } })
  }
})

t.test('so it is in an upload', async t => {
  const uploaded = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: 'omh:body-weight:2.0' }] },
    subject: { reference: 'Patient/ann' },
    performer: [{ reference: 'Nothing/1' }],
    valueAttachment: {
      contentType: 'application/json',
      data: Buffer.from(
        JSON.stringify({
          body_weight: { value: 60, unit: 'kg' },
          effective_time_frame: { date_time: '2026-01-01T08:00:00Z' },
        }),
      ).toString('base64'),
    },
  }
  t.match(await send('POST', 'Observation', uploaded), {
    status: 422,
    body: { issue: [refusal('Observation.performer[0].reference')] },
  })
})

t.test('what R4 allows is taken: versions, other servers, urn:, contained, no literal at all', async t => {
  const references = [
    { reference: 'Practitioner/p/_history/1' },
    { reference: 'https://elsewhere.example/fhir/Whatever/1' },
    { reference: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
    { reference: '#of' },
    { identifier: { system: 'urn:x', value: '1' } },
    { display: 'somebody' },
  ]
  const answer = await send('POST', 'Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'seen' },
    subject: { reference: 'Patient/ann' },
    contained: [{ resourceType: 'Practitioner', id: 'of' }],
    performer: references,
  })
  t.match([answer.status, answer.body.performer], [201, references])
})

t.test('one that was stored before stays as it is, and does not prevent other changes', async t => {
  await send('PUT', 'Condition/old', condition('Patient/ann', 'old'))
  await database.run(sql.fragment`
    UPDATE condition SET content = content || '{"asserter": {"reference": "Nothing/1"}}' WHERE id = 'old'`)
  const tag = { system: 'urn:x', code: 'a' }
  const valueMeta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [tag] } }] }
  t.equal((await send('POST', 'Condition/old/$meta-add', valueMeta)).status, 200)
  const note = [{ op: 'add', path: '/note', value: [{ text: 'later' }] }]
  t.match(await send('PATCH', 'Condition/old', note, json), {
    status: 200,
    body: { asserter: { reference: 'Nothing/1' }, note: [{ text: 'later' }], meta: { tag: [tag] } },
  })
  const other = [{ op: 'replace', path: '/asserter/reference', value: 'Nothing/2' }]
  t.match(await send('PATCH', 'Condition/old', other, json), {
    status: 422,
    body: { issue: [refusal('Condition.asserter.reference')] },
  })
})
