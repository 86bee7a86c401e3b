import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const patient = (more: object = {}) => JSON.stringify({ resourceType: 'Patient', ...more })
const post = (payload: string, more: object = {}) =>
  server.inject({ method: 'POST', url: '/fhir/Patient', headers: { ...headers, ...more }, payload })
const call = (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: string, more: object = {}) =>
  server.inject({
    method,
    url,
    headers: payload === undefined ? { authorization: headers.authorization, ...more } : { ...headers, ...more },
    ...(payload === undefined ? {} : { payload }),
  })

t.test('a create answers 201 with the location of the version', async t => {
  const answer = await post(patient({ id: 'ignored', active: true }))
  const { id, active } = answer.json()
  t.equal(answer.statusCode, 201)
  t.equal(answer.headers.location, `http://localhost:8080/fhir/Patient/${id}/_history/1`)
  t.equal(answer.headers.etag, 'W/"1"')
  t.ok(Date.parse(String(answer.headers['last-modified'])))
  t.equal(answer.headers['content-type'], 'application/fhir+json; charset=utf-8')
  t.not(id, 'ignored')
  t.equal(active, true)
  t.equal((await post(patient({ id: 'no id/at all' }))).statusCode, 201, 'an id in the body is ignored, whatever it is')
})

t.test('decimals keep their text', async t => {
  const body = '{"resourceType":"Patient","extension":[{"url":"http://x.example","valueDecimal":1.10}]}'
  const answer = await post(body)
  t.match(answer.body, /"valueDecimal":1\.10/)
})

t.test('Prefer decides what a write answers', async t => {
  t.equal((await post(patient(), { prefer: 'return=minimal' })).body, '')
  t.match((await post(patient(), { prefer: 'return=OperationOutcome' })).json(), {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'information' }],
  })
})

t.test('an invalid resource of the type is refused', async t => {
  t.equal((await post('{"resourceType":')).statusCode, 400)
  t.notMatch((await post('{"resourceType":"secret')).body, /secret/)
  t.equal((await post('[]')).statusCode, 400)
  t.equal((await post('{"resourceType":"Group"}')).statusCode, 400)
  const answer = await post(patient({ gender: 'x' }))
  t.equal(answer.statusCode, 422)
  t.match(answer.json(), { issue: [{ code: 'code-invalid', expression: ['Patient.gender'] }] })
})

t.test('an Observation with more components than can be numbered is refused, with the maximum', async t => {
  const component = { code: { text: 'part' }, valueInteger: 1 }
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'whole' },
    component: Array.from({ length: 32_768 }, () => component),
  }
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir/Observation',
    headers,
    payload: JSON.stringify(observation),
  })
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    {
      code: 'business-rule',
      diagnostics: 'An Observation has at most 32767 components, not 32768',
      expression: ['Observation.component'],
    },
  ])
})

t.test('a conditional create answers an existing match instead of creating a second one', async t => {
  const condition = { 'if-none-exist': 'identifier=http://x.example|77' }
  const known = patient({ identifier: [{ system: 'http://x.example', value: '77' }] })
  const first = await post(known, condition)
  const second = await post(known, condition)
  t.same([first.statusCode, second.statusCode], [201, 200])
  t.equal(second.json().id, first.json().id)
  t.equal((await post(patient(), { 'if-none-exist': 'nonsense=1' })).statusCode, 400)
  t.equal((await post(patient(), { 'if-none-exist': '_count=1' })).statusCode, 400)
})

t.test('an update makes a new version, if it is of the version that it names', async t => {
  const { id } = (await post(patient())).json()
  const url = `/fhir/Patient/${id}`
  t.equal((await call('PUT', url, patient({ id: 'other' }))).statusCode, 400)
  t.equal((await call('PUT', url, patient())).statusCode, 400)
  const updated = await call('PUT', url, patient({ id, active: false }), { 'if-match': 'W/"1"' })
  t.equal(updated.statusCode, 200)
  t.equal(updated.headers.etag, 'W/"2"')
  t.equal((await call('PUT', url, patient({ id }), { 'if-match': 'W/"1"' })).statusCode, 412)
  for (const none of ['one', '', ' , ', '"2", two', '*, "2"', '"2" "3"'])
    t.equal((await call('PUT', url, patient({ id }), { 'if-match': none })).statusCode, 400, none)
  const others = await call('PUT', url, patient({ id }), { 'if-match': 'W/"1", "3"' })
  t.match([others.statusCode, others.body], [412, /asks for version 1 or 3; the current one is 2/])
  const either = await call('PUT', url, patient({ id, active: false, gender: 'other' }), { 'if-match': 'W/"1",  "2"' })
  t.match([either.statusCode, either.headers.etag], [200, 'W/"3"'], 'one of those that are named')
  const listed = await call('PUT', url, patient({ id, active: false, gender: 'male' }), {
    'if-match': ', "2",, W/"3",',
  })
  t.match([listed.statusCode, listed.headers.etag], [200, 'W/"4"'], 'empty elements of a list do not matter')
  t.equal((await call('GET', url)).json().active, false)
  t.equal((await call('GET', `${url}/_history/1`)).json().meta.versionId, '1')
})

t.test('a resource stays with its patient, and the refusal names the element that says so', async t => {
  const of = (id: string) => ({ reference: `Patient/${id}` })
  for (const [element, resource] of [
    ['patient', { resourceType: 'Device', patient: of('one') }],
    ['subject', { resourceType: 'Condition', subject: of('one') }],
    ['subject', { resourceType: 'Procedure', status: 'completed', subject: of('one') }],
    [
      'individual',
      {
        resourceType: 'ResearchSubject',
        status: 'candidate',
        study: { reference: 'ResearchStudy/s' },
        individual: of('one'),
      },
    ],
  ] as const) {
    const type = resource.resourceType
    const stored = (
      await server.inject({ method: 'POST', url: `/fhir/${type}`, headers, payload: JSON.stringify(resource) })
    ).json()
    const answer = await call('PUT', `/fhir/${type}/${stored.id}`, JSON.stringify({ ...stored, [element]: of('two') }))
    t.match([answer.statusCode, answer.json().issue], [422, [{ expression: [`${type}.${element}`] }]])
  }
})

t.test('what is of a patient does not become nobody’s, nor another’s by coming back once it is deleted', async t => {
  const refused = [422, [{ code: 'business-rule', expression: ['Device.patient'] }]]
  const device = { resourceType: 'Device', patient: { reference: 'Patient/one' } }
  const put = (id: string, more: object) =>
    call('PUT', `/fhir/Device/${id}`, JSON.stringify({ ...device, id, ...more }))
  t.equal((await put('ones', {})).statusCode, 201)
  const nobodys = await put('ones', { patient: undefined })
  t.match([nobodys.statusCode, nobodys.json().issue], refused)
  t.equal((await call('DELETE', '/fhir/Device/ones')).statusCode, 204)
  const another = await put('ones', { patient: { reference: 'Patient/two' } })
  t.match([another.statusCode, another.json().issue], refused)
  t.equal((await put('ones', {})).statusCode, 201)
})

t.test('a deleted resource is gone, and its history stays', async t => {
  const { id } = (await post(patient())).json()
  const url = `/fhir/Patient/${id}`
  t.equal((await call('DELETE', url)).statusCode, 204)
  t.equal((await call('GET', url)).statusCode, 410)
  const history = (await call('GET', `${url}/_history`)).json()
  t.match(history, {
    resourceType: 'Bundle',
    type: 'history',
    total: 2,
    link: [{ relation: 'self', url: `http://localhost:8080/fhir/Patient/${id}/_history` }],
    entry: [
      { request: { method: 'DELETE', url: `Patient/${id}` }, response: { status: '204 No Content', etag: 'W/"2"' } },
      { resource: { id }, request: { method: 'POST', url: 'Patient' }, response: { status: '201 Created' } },
    ],
  })
})

t.test('a delete that asks for more than that is refused, and deletes nothing', async t => {
  const { id } = (await post(patient())).json()
  const url = `/fhir/Patient/${id}`
  for (const name of ['_expunge', '_hardDelete', '_cascade', 'identifier']) {
    const refused = await call('DELETE', `${url}?${name}=true`)
    t.match([refused.statusCode, refused.json().issue[0]], [400, { code: 'invalid', expression: [name] }], name)
  }
  t.equal((await call('GET', url)).statusCode, 200)
  t.equal((await call('DELETE', `${url}?_format=json&_pretty=true`)).statusCode, 204)
  const { id: another } = (await post(patient())).json()
  const lenient = { prefer: 'handling=lenient' }
  t.equal((await call('DELETE', `/fhir/Patient/${another}?_expunge=true`, undefined, lenient)).statusCode, 204)
})

t.test('a history comes in pages', async t => {
  const { id } = (await post(patient())).json()
  await call('PUT', `/fhir/Patient/${id}`, patient({ id, active: true }))
  const first = (await call('GET', `/fhir/Patient/${id}/_history?_count=1`)).json()
  t.equal(first.entry.length, 1)
  const second = (await call('GET', first.link[1].url.replace('http://localhost:8080', ''))).json()
  t.equal(second.entry[0].resource.meta.versionId, '1')
  t.equal(second.link.length, 1)
  t.equal((await call('GET', `/fhir/Patient/${id}/_history?_sort=x`)).statusCode, 400)
})
