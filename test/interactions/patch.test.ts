import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database } = await fhirWorld()
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

t.test('so does a FHIRPath Patch', async t => {
  const id = await create()
  const type = { 'content-type': 'application/fhir+json' }
  const path = `Observation/${id}`
  const answer = await call('PATCH', path, fhirpath('Observation.status', { valueCode: 'amended' }), type)
  t.strictSame([answer.statusCode, answer.json().status, answer.headers.etag], [200, 'amended', 'W/"2"'])
  t.match(answer.body, /"value":\s*1\.10\D/)
})

t.test('the result is checked like an update', async t => {
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

const div = (text: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>`
const patientOf = async (status: string, text = 'male'): Promise<string> =>
  (await call('POST', 'Patient', { resourceType: 'Patient', gender: 'male', text: { status, div: div(text) } })).json()
    .id
const toFemale = { op: 'replace', path: '/gender', value: 'female' }
const parameters = { 'content-type': 'application/fhir+json' }
const operation = (type: string, path: string, ...parts: readonly object[]) => ({
  name: 'operation',
  part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...parts],
})
const fhirpathOf = (...parameter: readonly object[]) => ({ resourceType: 'Parameters', parameter })
const byPath = operation('replace', 'Patient.gender', { name: 'value', valueCode: 'female' })

t.test('a narrative that was generated does not outlive a patch of what it tells', async t => {
  for (const status of ['generated', 'extensions']) {
    const json = await call('PATCH', `Patient/${await patientOf(status)}`, [toFemale])
    t.strictSame([json.statusCode, json.json().gender, json.json().text], [200, 'female', undefined], status)
    const path = await call('PATCH', `Patient/${await patientOf(status)}`, fhirpathOf(byPath), parameters)
    t.strictSame([path.statusCode, path.json().gender, path.json().text], [200, 'female', undefined], status)
  }
})

t.test('a narrative that says more is sent again or removed in the same patch', async t => {
  const id = await patientOf('additional')
  for (const refused of [
    await call('PATCH', `Patient/${id}`, [toFemale]),
    await call('PATCH', `Patient/${id}`, [toFemale, { op: 'test', path: '/text/status', value: 'additional' }]),
    await call('PATCH', `Patient/${id}`, fhirpathOf(byPath), parameters),
  ]) {
    t.equal(refused.statusCode, 422)
    t.match(refused.json().issue, [
      {
        code: 'business-rule',
        diagnostics: /change it in the same patch \(text\.div, or text as a whole\), or take text out$/,
        expression: ['Patient.text'],
      },
    ])
  }
  t.equal((await call('GET', `Patient/${id}`)).json().gender, 'male')
  const sent = { op: 'replace', path: '/text/div', value: div('female') }
  const anew = await call('PATCH', `Patient/${id}`, [toFemale, sent])
  t.strictSame([anew.statusCode, anew.json().text.div], [200, div('female')])
  const again = [{ ...toFemale, value: 'other' }, sent]
  t.strictSame((await call('PATCH', `Patient/${id}`, again)).json().text?.div, div('female'), 'the same sent again')
  const removed = await call('PATCH', `Patient/${id}`, [toFemale, { op: 'remove', path: '/text' }])
  t.strictSame([removed.statusCode, removed.json().text], [200, undefined])
  const other = await patientOf('additional')
  const divAgain = operation('replace', 'Patient.text', {
    name: 'value',
    part: [
      { name: 'status', valueCode: 'additional' },
      { name: 'div', valueString: div('male') },
    ],
  })
  const kept = await call('PATCH', `Patient/${other}`, fhirpathOf(byPath, divAgain), parameters)
  t.strictSame([kept.statusCode, kept.json().text?.div], [200, div('male')])
})

t.test('a narrative stays if nothing changes that it could tell', async t => {
  const id = await patientOf('generated')
  const tag = [{ op: 'add', path: '/meta/tag', value: [{ system: 'urn:x', code: 'a' }] }]
  t.equal((await call('PATCH', `Patient/${id}`, tag)).json().text?.div, div('male'))
  t.equal((await call('PATCH', `Patient/${id}`, [{ ...toFemale, value: 'male' }])).json().text?.div, div('male'))
})

t.test('a narrative from before narratives had to be XML does not prevent other changes', async t => {
  const [loose, id] = [div('1&nbsp;mg'), await patientOf('additional')]
  await database.any(
    sql.fragment`UPDATE patient SET content = jsonb_set(content, '{text,div}', ${JSON.stringify(loose)}::jsonb) WHERE id = ${id}`,
  )
  const tag = { system: 'urn:x', code: 'a' }
  const valueMeta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [tag] } }] }
  t.equal((await call('POST', `Patient/${id}/$meta-add`, valueMeta)).statusCode, 200)
  const patched = await call('PATCH', `Patient/${id}`, [
    { op: 'add', path: '/meta/tag/-', value: { ...tag, code: 'b' } },
  ])
  t.strictSame([patched.statusCode, patched.json().text?.div, patched.json().meta.tag.length], [200, loose, 2])
  const xml = await call('GET', `Patient/${id}`, undefined, { accept: 'application/fhir+xml' })
  t.match([xml.statusCode, xml.body], [200, />1&amp;nbsp;mg<\/div>/])
  const other = await call('PATCH', `Patient/${id}`, [{ op: 'replace', path: '/text/div', value: div('2&nbsp;mg') }])
  t.match([other.statusCode, other.json().issue?.[0].diagnostics], [422, /&nbsp; stands for nothing in XML/])
})

t.test('lists and objects that a patch emptied are removed', async t => {
  const stored = {
    resourceType: 'Patient',
    active: true,
    name: [{ family: 'Castillo' }],
    contact: [{ name: { text: 'Ana' } }, { name: { text: 'Luz' } }],
    communication: [{ preferred: true, language: { coding: [{ code: 'de' }] } }],
    _birthDate: { extension: [{ url: 'urn:x', valueString: 'a' }] },
    address: [{ line: ['a', 'b'], _line: [null, { extension: [{ url: 'urn:x', valueString: 'a' }] }] }],
  }
  const after = async (patch: object, type = {}) => {
    const { id } = (await call('POST', 'Patient', stored)).json()
    const answer = await call('PATCH', `Patient/${id}`, patch, type)
    const { id: _, meta, text, ...others } = answer.json()
    return answer.statusCode === 200 ? others : answer.json().issue
  }
  const remove = (path: string) => ({ op: 'remove', path })
  const { name, _birthDate, ...others } = stored
  const [, luz] = stored.contact
  t.strictSame(await after([remove('/name/0')]), { ...others, _birthDate })
  t.strictSame(await after([remove('/name/0/family')]), { ...others, _birthDate })
  t.strictSame(await after([remove('/_birthDate/extension/0')]), { ...others, name })
  t.strictSame(await after([remove('/contact/0/name/text')]), { ...stored, contact: [luz] })
  t.strictSame(await after([remove('/address/0/_line/1/extension/0')]), { ...stored, address: [{ line: ['a', 'b'] }] })
  const [refilled] = [{ op: 'add', path: '/name/-', value: { family: 'Vega' } }]
  t.strictSame(await after([remove('/name/0'), refilled]), { ...stored, name: [{ family: 'Vega' }] })
  t.match(await after([{ op: 'replace', path: '/name', value: [] }]), [{ severity: 'error' }])
  t.match(await after([remove('/communication/0/language/coding/0')]), [{ code: 'required' }])
  const byPath = fhirpathOf(operation('delete', 'Patient.name[0].family'))
  t.strictSame(await after(byPath, parameters), { ...others, _birthDate })
})

t.test('an invalid patch is refused, and a missing resource is not found', async t => {
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

const unquoted =
  'What the patch makes of the resource is refused. As it copies or moves, no value is quoted: with "add" or "replace" it is said what is accepted'

t.test('a refusal does not quote what a patch copies or moves, only what it brings itself', async t => {
  const stored = {
    resourceType: 'Patient',
    name: [{ family: 'Castillo', given: ['Ana'] }],
    telecom: [{ system: 'email', value: 'ana@example.org' }],
  }
  const { id } = (await call('POST', 'Patient', stored)).json()
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
        { severity: 'error', code: 'value', diagnostics: unquoted, expression: ['Patient.birthDate'] },
        { severity: 'error', code: 'code-invalid', diagnostics: unquoted, expression: ['Patient.gender'] },
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

t.test('nor does the refusal of what is stored', async t => {
  const [{ id: one }, { id: other }] = await Promise.all(
    [1, 2].map(async () => (await call('POST', 'Patient', { resourceType: 'Patient' })).json()),
  )
  const performed = {
    ...JSON.parse(observation),
    subject: { reference: `Patient/${one}` },
    performer: [{ reference: `Patient/${other}` }],
  }
  const { id } = (await call('POST', 'Observation', performed)).json()
  const { statusCode, body } = await call('PATCH', `Observation/${id}`, [
    { op: 'copy', from: '/performer/0/reference', path: '/subject/reference' },
  ])
  t.strictSame(
    [statusCode, JSON.parse(body).issue],
    [422, [{ severity: 'error', code: 'business-rule', diagnostics: unquoted, expression: ['Observation.subject'] }]],
  )
})

t.test('no change makes a resource larger than a body may be, whatever limit the operator has set', async t => {
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
