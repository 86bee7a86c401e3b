import t from 'tap'
import { at, heartRate, upload } from '../../mhealth/upload.ts'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const sent = async (method: 'POST' | 'PUT' | 'PATCH', url: string, body: string, more: object = {}) => {
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...more }
  const answer = await server.inject({ method, url: `/fhir${url}`, headers, payload: body })
  return { status: answer.statusCode, body: answer.json() }
}
await sent('PUT', '/Patient/ann', '{"resourceType":"Patient","id":"ann"}')

/** Of these, JavaScript makes no text: a number that keeps its digits, and an object with a name that objects have anyway. */
const odd = ['1.10', '{"toString":1}', '[{"toString":1}]']

type Case = readonly [method: 'POST' | 'PUT' | 'PATCH', url: string, body: object, status: number, more?: object]

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
const operation = (...part: readonly object[]) => ({
  resourceType: 'Parameters',
  parameter: [{ name: 'operation', part }],
})
const type = { name: 'type', valueCode: 'add' }
const path = { name: 'path', valueString: 'Patient' }
const document = upload(heartRate())
const coded = (system: string, code: string) => ({ coding: [{ system, code }] })
const asked = { request: { method: 'POST', url: 'Observation' }, resource: observation }
const urn = 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520'

/** The texts "ODD" stand for the odd value. */
const cases: Readonly<Record<string, Case>> = {
  'the id in a conditional update': ['PUT', '/Observation?identifier=a|b', { ...observation, id: 'ODD' }, 400],
  'the type of a Bundle of CGM': ['POST', '/$submit-cgm-bundle', { resourceType: 'Bundle', type: 'ODD' }, 400],
  'the content type of a document': [
    'POST',
    '/Observation',
    { ...document, valueAttachment: { ...document.valueAttachment, contentType: 'ODD' } },
    422,
  ],
  'the system of a code beside a document': [
    'POST',
    '/Observation',
    { ...document, code: { coding: [...document.code.coding, { system: 'ODD', code: '8867-4' }] } },
    400,
  ],
  'a code beside a document': [
    'POST',
    '/Observation',
    { ...document, category: [coded('http://example.org', 'ODD')], code: coded('http://loinc.org', 'ODD') },
    400,
  ],
  'the id of a contained resource': [
    'POST',
    '/Observation',
    { ...observation, contained: [{ resourceType: 'Device', id: 'ODD' }], device: { reference: '#other' } },
    400,
  ],
  'a version in a Bundle': [
    'POST',
    '/Bundle',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { fullUrl: 'http://example.org/Patient/1', resource: { resourceType: 'Patient', meta: { versionId: 'ODD' } } },
      ],
    },
    400,
  ],
  'the name of a part of a patch': ['PATCH', '/Patient/ann', operation({ name: 'ODD' }), 400],
  'the type of a patch': ['PATCH', '/Patient/ann', operation({ name: 'type', valueCode: 'ODD' }), 400],
  'the name of what a patch adds': [
    'PATCH',
    '/Patient/ann',
    operation(type, path, { name: 'name', valueString: 'ODD' }, { name: 'value', valueString: 'x' }),
    422,
  ],
  'the name within what a patch adds': [
    'PATCH',
    '/Patient/ann',
    operation(type, path, { name: 'name', valueString: 'contact' }, { name: 'value', part: [{ name: 'ODD' }] }),
    422,
  ],
  'the op of a JSON Patch': [
    'PATCH',
    '/Patient/ann',
    [{ op: 'ODD', path: '/birthDate' }],
    400,
    { 'content-type': 'application/json-patch+json' },
  ],
  'the path of a patch in a transaction': [
    'POST',
    '',
    {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { ...asked, fullUrl: urn },
        { ...asked, resource: { ...observation, op: 'x', path: 'ODD', value: urn } },
      ],
    },
    400,
  ],
}

for (const [name, [method, url, body, status, more]] of Object.entries(cases))
  t.test(`if ${name} is no text, that is no fault of the server`, async t => {
    for (const value of odd) {
      const answer = await sent(method, url, JSON.stringify(body).replaceAll('"ODD"', value), more)
      t.equal(answer.status, status, value)
      t.notMatch(JSON.stringify(answer.body), /Cannot convert/, 'it is told in words of ours')
    }
  })

t.test('a code may have a name that objects have', async t => {
  const code = { coding: [...document.code.coding, ...coded('http://loinc.org', 'constructor').coding] }
  const answer = await sent(
    'POST',
    '/Observation',
    JSON.stringify({ ...document, code, effectiveDateTime: at.date_time }),
  )
  t.equal(answer.status, 201)
  t.same(answer.body.code.coding.at(-1), { system: 'http://loinc.org', code: 'constructor' })
})
