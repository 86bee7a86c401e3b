import t from 'tap'
import { fhirServer, fhirWorld } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())

const jsonPatch = 'application/json-patch+json'
const call = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  payload?: string | object,
  more: Readonly<Record<string, string>> = {},
) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: {
      authorization: 'Bearer everything',
      'content-type': method === 'PATCH' ? jsonPatch : 'application/fhir+json',
      ...more,
    },
    ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) }),
  })
const observation = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}'
const create = async (): Promise<string> => (await call('POST', 'Observation', observation)).json().id
const fhirpath = (path: string, value: object) => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: path },
        { name: 'value', ...value },
      ],
    },
  ],
})

t.test('a JSON Patch makes the next version, and leaves the rest as it was', async t => {
  const id = await create()
  const answer = await call('PATCH', `Observation/${id}`, [{ op: 'replace', path: '/status', value: 'amended' }])
  t.strictSame([answer.statusCode, answer.headers.etag], [200, 'W/"2"'])
  t.match(answer.body, /"value":\s*1\.10\D/)
  t.match((await call('GET', `Observation/${id}`)).body, /"value":\s*1\.10\D/)
  t.equal((await call('GET', `Observation/${id}`)).json().status, 'amended')
  const { entry } = (await call('GET', `Observation/${id}/_history`)).json()
  t.strictSame(
    entry.map((one: { request: { method: string } }) => one.request.method),
    ['PUT', 'POST'],
  )
})

t.test('a FHIRPath Patch does so too', async t => {
  const id = await create()
  const type = { 'content-type': 'application/fhir+json' }
  const path = `Observation/${id}`
  const answer = await call('PATCH', path, fhirpath('Observation.status', { valueCode: 'amended' }), type)
  t.strictSame([answer.statusCode, answer.json().status, answer.headers.etag], [200, 'amended', 'W/"2"'])
  t.match(answer.body, /"value":\s*1\.10\D/)
})

t.test('what comes out is checked like an update', async t => {
  const id = await create()
  const patch = (operation: object, more: Record<string, string> = {}) =>
    call('PATCH', `Observation/${id}`, [operation], more)
  const invalid = await patch({ op: 'replace', path: '/status', value: 'nonsense' })
  t.strictSame([invalid.statusCode, invalid.json().issue[0].expression], [422, ['Observation.status']])
  t.equal((await patch({ op: 'replace', path: '/id', value: 'other' })).statusCode, 422)
  t.equal((await patch({ op: 'replace', path: '/resourceType', value: 'Patient' })).statusCode, 400)
  for (const value of [null, 9, 'x', [], {}])
    t.equal((await patch({ op: 'add', path: '', value })).statusCode, 400, JSON.stringify(value))
  t.equal((await patch({ op: 'remove', path: '/status' }, { 'if-match': 'W/"7"' })).statusCode, 412)
  const failed = await patch({ op: 'test', path: '/status', value: 'amended' })
  t.strictSame(
    [failed.statusCode, failed.json().issue[0].diagnostics],
    [422, 'Operation 0 of the patch (test /status): the value there is another'],
  )
  t.equal((await call('GET', `Observation/${id}`)).headers.etag, 'W/"1"')
})

t.test('what is no patch is refused, and what is not there is not found', async t => {
  const id = await create()
  const path = `Observation/${id}`
  t.equal((await call('PATCH', path, '{')).statusCode, 400)
  t.equal((await call('PATCH', path, {})).statusCode, 400)
  t.equal((await call('PATCH', path)).statusCode, 400)
  t.equal((await call('PATCH', path, '<x/>', { 'content-type': 'application/xml-patch+xml' })).statusCode, 415)
  t.equal((await call('POST', 'Observation', observation, { 'content-type': jsonPatch })).statusCode, 415)
  t.equal((await call('PATCH', 'Observation/nobody', [])).statusCode, 404)
  await call('DELETE', path)
  t.equal((await call('PATCH', path, [])).statusCode, 410)
})

t.test('what a patch copies or moves is not quoted where it is refused; what it brings itself is', async t => {
  const stored = {
    resourceType: 'Patient',
    name: [{ family: 'Castillo', given: ['Ana'] }],
    telecom: [{ system: 'email', value: 'ana@example.org' }],
  }
  const { id } = (await call('POST', 'Patient', stored)).json()
  const told =
    'What the patch makes of the resource is refused. As it copies or moves, no value is quoted: with "add" or "replace" it is said what is accepted'
  const refusalOf = async (...patch: readonly object[]) => {
    const { statusCode, body } = await call('PATCH', `Patient/${id}`, patch)
    return { statusCode, issue: JSON.parse(body).issue }
  }
  t.strictSame(
    await refusalOf(
      { op: 'copy', from: '/telecom/0/value', path: '/birthDate' },
      { op: 'move', from: '/name/0/family', path: '/gender' },
    ),
    {
      statusCode: 422,
      issue: [
        { severity: 'error', code: 'value', diagnostics: told, expression: ['Patient.birthDate'] },
        { severity: 'error', code: 'code-invalid', diagnostics: told, expression: ['Patient.gender'] },
      ],
    },
  )
  t.match(await refusalOf({ op: 'add', path: '/gender', value: 'x' }), {
    issue: [{ diagnostics: /^'x' is not in the required value set/ }],
  })
  t.match(await refusalOf({ op: 'copy', from: '/nothing', path: '/gender' }), {
    issue: [{ code: 'processing', diagnostics: /there is nothing at \/nothing$/ }],
  })
})

t.test('no change makes a resource larger than a body may be, whatever the operator has said of that', async t => {
  const small = (await fhirWorld({ MAX_BODY_BYTES: '4096' })).server
  t.teardown(() => small.close())
  const send = (method: 'PUT' | 'PATCH' | 'POST', url: string, body: unknown) =>
    small.inject({
      method,
      url: `/fhir/${url}`,
      headers: {
        authorization: 'Bearer everything',
        'content-type': method === 'PATCH' ? 'application/json-patch+json' : 'application/fhir+json',
      },
      payload: JSON.stringify(body),
    })
  const letters = 'x'.repeat(1500)
  await send('PUT', 'Basic/a', { resourceType: 'Basic', id: 'a', code: { coding: [{ display: letters }] } })
  const copy = { op: 'copy', from: '/code/coding/0', path: '/code/coding/-' }
  t.equal((await send('PATCH', 'Basic/a', [copy])).statusCode, 200)
  const tag = { system: 'urn:x', code: 'a', display: letters }
  const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [tag] } }] }
  for (const refused of [await send('PATCH', 'Basic/a', [copy]), await send('POST', 'Basic/a/$meta-add', meta)]) {
    t.equal(refused.statusCode, 413)
    t.match(refused.json().issue, [{ code: 'too-long', diagnostics: /as JSON it may have about 4096 characters/ }])
  }
})
