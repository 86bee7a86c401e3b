import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { someoneWaits } from '../support/someone-waits.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
const call = (method: Method, url: string, payload?: object, more: Readonly<Record<string, string>> = {}) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...more },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
const patient = (value: string, more: object = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:test', value }],
  ...more,
})
const create = async (resource: { readonly resourceType: string }): Promise<string> =>
  (await call('POST', resource.resourceType, resource)).json().id
const message = (answer: Awaited<ReturnType<typeof call>>) => answer.json().issue[0].diagnostics

t.test('a client that has the version already is not sent it again', async t => {
  const id = await create(patient('read'))
  const read = await call('GET', `Patient/${id}`)
  const { etag, 'last-modified': lastModified = '' } = read.headers
  const status = async (headers: Record<string, string>, url = `Patient/${id}`) => {
    const answer = await call('GET', url, undefined, headers)
    if (answer.statusCode === 304) t.strictSame([answer.body, answer.headers.etag], ['', etag])
    return answer.statusCode
  }
  t.equal(await status({ 'if-none-match': 'W/"1"' }), 304)
  t.equal(await status({ 'if-none-match': '"7", "1"' }), 304)
  t.equal(await status({ 'if-none-match': '*' }), 304)
  t.equal(await status({ 'if-none-match': 'W/"1"' }, `Patient/${id}/_history/1`), 304)
  t.equal(await status({ 'if-none-match': 'W/"2"' }), 200)
  t.equal(await status({ 'if-modified-since': String(lastModified) }), 304)
  t.equal(await status({ 'if-modified-since': 'Wed, 01 Jan 2020 00:00:00 GMT' }), 200)
  t.equal(await status({ 'if-modified-since': 'yesterday' }), 200, 'an invalid date is ignored')
  t.equal(await status({ 'if-none-match': 'W/"2"', 'if-modified-since': String(lastModified) }), 200)
  t.equal((await call('GET', 'Patient/nobody', undefined, { 'if-none-match': '*' })).statusCode, 404)
})

t.test('somebody who left is no longer in the Group, even for a client that has its version already', async t => {
  const organization = await create({ resourceType: 'Organization' })
  const study = await create({
    resourceType: 'ResearchStudy',
    status: 'active',
    title: 'Group',
    sponsor: { reference: `Organization/${organization}` },
  } as { readonly resourceType: string })
  const person = await create(patient('group'))
  const enrolled = (status: string) => ({
    resourceType: 'ResearchSubject',
    status,
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: `Patient/${person}` },
  })
  const subject = await create(enrolled('on-study'))
  const [{ reference: group }] = (await call('GET', `ResearchStudy/${study}`)).json().enrollment
  const read = await call('GET', group)
  t.equal(read.json().member.length, 1)
  const put = await call('PUT', `ResearchSubject/${subject}`, { ...enrolled('withdrawn'), id: subject })
  t.equal(put.statusCode, 200)
  const { etag = '', 'last-modified': lastModified = '' } = read.headers
  for (const known of [{ 'if-none-match': etag }, { 'if-none-match': '*' }, { 'if-modified-since': lastModified }]) {
    const again = await call('GET', group, undefined, known)
    t.strictSame([again.statusCode, again.headers.etag, again.body && again.json().member], [200, etag, undefined])
  }
})

t.test('an update without a change makes no version', async t => {
  const id = await create(patient('same', { multipleBirthInteger: 2 }))
  const stored = await call('GET', `Patient/${id}`)
  const again = await call('PUT', `Patient/${id}`, stored.json())
  t.strictSame([again.statusCode, again.headers.etag, again.body], [200, 'W/"1"', stored.body])
  t.equal(again.headers['last-modified'], stored.headers['last-modified'])
  const patched = await call('PATCH', `Patient/${id}`, [{ op: 'test', path: '/id', value: id }])
  t.strictSame([patched.statusCode, patched.headers.etag], [200, 'W/"1"'])
  t.equal((await call('GET', `Patient/${id}/_history`)).json().total, 1)
  const observation = (value: string) =>
    `{"resourceType":"Observation","id":"precise","status":"final","code":{"text":"x"},"valueQuantity":{"value":${value}}}`
  const put = (value: string) =>
    server.inject({
      method: 'PUT',
      url: '/fhir/Observation/precise',
      headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
      payload: observation(value),
    })
  await put('1.1')
  t.equal((await put('1.1')).headers.etag, 'W/"1"')
  t.equal((await put('1.10')).headers.etag, 'W/"2"', 'another precision is another content')
})

t.test('If-None-Match: * writes only what does not exist', async t => {
  const put = (id: string) => call('PUT', `Patient/${id}`, { ...patient('none'), id }, { 'if-none-match': '*' })
  t.equal((await put('only-new')).statusCode, 201)
  t.equal((await put('only-new')).statusCode, 412)
  t.equal(
    (await call('PUT', 'Patient/only-new', { ...patient('x'), id: 'only-new' }, { 'if-none-match': 'W/"1"' }))
      .statusCode,
    400,
  )
})

t.test('If-Match: * writes only what exists', async t => {
  const { id } = (await call('POST', 'Patient', patient('there'))).json()
  const any = { 'if-match': '*' }
  const put = (id: string) => call('PUT', `Patient/${id}`, { ...patient('there'), id, active: true }, any)
  t.equal((await put(id)).statusCode, 200)
  t.equal((await put('never-there')).statusCode, 404)
  t.equal((await call('GET', 'Patient/never-there')).statusCode, 404)
  t.equal((await call('PUT', 'Patient?identifier=urn:test|nowhere', patient('nowhere'), any)).statusCode, 412)
  const patch = [{ op: 'replace', path: '/active', value: false }]
  const asPatch = { ...any, 'content-type': 'application/json-patch+json' }
  t.equal((await call('PATCH', `Patient/${id}`, patch as never, asPatch)).statusCode, 200)
  t.equal((await call('DELETE', `Patient/${id}`, undefined, any)).statusCode, 204)
  t.equal((await put(id)).statusCode, 404, 'a deleted resource does not exist')
})

t.test('with If-None-Match: * nothing that exists is patched or deleted', async t => {
  const { id } = (await call('POST', 'Patient', patient('untouched'))).json()
  const none = { 'if-none-match': '*' }
  const patch = [{ op: 'replace', path: '/active', value: false }]
  const asPatch = { ...none, 'content-type': 'application/json-patch+json' }
  t.equal((await call('PATCH', `Patient/${id}`, patch as never, asPatch)).statusCode, 412)
  t.equal((await call('DELETE', `Patient/${id}`, undefined, none)).statusCode, 412)
  t.equal((await call('GET', `Patient/${id}`)).headers.etag, 'W/"1"')
})

t.test('a write with If-Unmodified-Since applies to what the client has read, or is refused', async t => {
  const made = await call('POST', 'Patient', patient('unmodified'))
  const { id } = made.json()
  const put = (headers: Record<string, string>, active: boolean) =>
    call('PUT', `Patient/${id}`, { ...patient('unmodified'), id, active }, headers)
  const since = { 'if-unmodified-since': String(made.headers['last-modified']) }
  const before = { 'if-unmodified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }
  t.equal((await put(since, true)).statusCode, 200)
  const refused = await put(before, false)
  t.strictSame([refused.statusCode, refused.json().issue[0].code], [412, 'conflict'])
  t.equal((await call('DELETE', `Patient/${id}`, undefined, before)).statusCode, 412)
  t.equal((await put({ ...before, 'if-match': 'W/"2"' }, false)).statusCode, 200, 'If-Match overrides it')
  t.equal(
    (await put({ 'if-unmodified-since': 'some day' }, true)).statusCode,
    200,
    'an invalid date is not a condition',
  )
})

t.test('a conditional update finds its resource by the criteria', async t => {
  const url = 'Patient?identifier=urn:test|update'
  const made = await call('PUT', url, patient('update'))
  t.equal(made.statusCode, 201, 'no match, no id: created')
  const { id } = made.json()
  const changed = await call('PUT', url, patient('update', { active: true }))
  t.strictSame([changed.statusCode, changed.json().id, changed.headers.etag], [200, id, 'W/"2"'])
  t.equal((await call('PUT', url, patient('update', { id, active: false }))).statusCode, 200)
  const other = await call('PUT', url, patient('update', { id: 'another' }))
  t.strictSame(
    [other.statusCode, message(other)],
    [400, 'The body has the id "another", and what matches is another Patient'],
  )
  t.equal((await call('PUT', url, patient('update'), { 'if-match': 'W/"1"' })).statusCode, 412)
  t.equal(
    (await call('PUT', 'Patient?identifier=urn:test|nothing', patient('nothing'), { 'if-match': 'W/"1"' })).statusCode,
    412,
  )
  const chosen = await call('PUT', 'Patient?identifier=urn:test|chosen', patient('chosen', { id: 'chosen' }))
  t.strictSame([chosen.statusCode, chosen.json().id], [201, 'chosen'], 'no match, an id: an update that creates')
  t.equal(
    (await call('PUT', 'Patient?identifier=urn:test|absent', patient('x', { id: 'chosen' }))).statusCode,
    412,
    'and nothing else',
  )
  await create(patient('update'))
  const several = await call('PUT', url, patient('update'))
  t.strictSame([several.statusCode, message(several)], [412, 'The criteria match several resources of Patient'])
})

t.test('what no longer matches when its turn comes is left as somebody else has just made it', async t => {
  const meanwhile = async (key: string, ask: (url: string) => ReturnType<typeof call>) => {
    const id = await create(patient(key))
    const { both } = await database.transaction(async connection => {
      await connection.run(sql.fragment`SELECT FROM resource_identity WHERE id = ${id} FOR UPDATE`)
      const changing = call('PUT', `Patient/${id}`, { ...patient(`${key}-corrected`), id })
      await someoneWaits(connection)
      const asking = ask(`Patient?identifier=urn:test|${key}`)
      await someoneWaits(connection, 2)
      return { both: Promise.all([changing, asking]) }
    })
    const [changed, asked] = await both
    t.same((await call('GET', `Patient/${id}`)).json(), changed.json())
    return asked.statusCode
  }
  const amended = [{ op: 'add', path: '/gender', value: 'other' }]
  const asPatch = { 'content-type': 'application/json-patch+json' }
  t.equal(await meanwhile('moved-1', url => call('PUT', url, patient('moved-1', { gender: 'other' }))), 201)
  t.equal(await meanwhile('moved-2', url => call('PATCH', url, amended, asPatch)), 404)
  t.equal(await meanwhile('moved-3', url => call('DELETE', url)), 204)
})

t.test('what is sent to a type with neither id nor criteria is told that either is needed', async t => {
  const issue = [{ diagnostics: 'Which Patient is meant is missing: Patient/[id], or Patient? with criteria' }]
  t.match((await call('PUT', 'Patient', patient('nobody'))).json(), { issue })
  t.match((await call('DELETE', 'Patient')).json(), { issue })
})

t.test('parameters for the format of the answer are not criteria', async t => {
  const looks = '_format=json&_pretty=true'
  const url = `Patient?identifier=urn:test|looks&${looks}`
  const put = await call('PUT', url, patient('looks'))
  t.equal(put.statusCode, 201)
  t.match(put.body, /^\{\n/)
  t.equal((await call('PUT', url, patient('looks', { gender: 'female' }))).statusCode, 200)
  const again = { 'if-none-exist': `identifier=urn:test|looks&${looks}` }
  t.equal((await call('POST', `Patient?${looks}`, patient('looks'), again)).statusCode, 200)
  t.equal((await call('PATCH', url, [{ op: 'test', path: '/gender', value: 'female' }])).statusCode, 200)
  t.equal((await call('DELETE', url)).statusCode, 204)
  t.match((await call('DELETE', `Patient?${looks}`)).json(), {
    issue: [{ diagnostics: 'Criteria for Patient are missing' }],
  })
})

t.test('a conditional patch changes the one match', async t => {
  const id = await create(patient('patch'))
  const operations = [{ op: 'add', path: '/active', value: true }]
  const patched = await call('PATCH', 'Patient?identifier=urn:test|patch', operations)
  t.strictSame([patched.statusCode, patched.json().id, patched.json().active], [200, id, true])
  t.equal((await call('PATCH', 'Patient?identifier=urn:test|unknown', operations)).statusCode, 404)
  await create(patient('patch'))
  t.equal((await call('PATCH', 'Patient?identifier=urn:test|patch', operations)).statusCode, 412)
})

t.test('a conditional delete removes all matches, or as many as it says', async t => {
  const count = async () => (await call('GET', 'Patient?identifier=urn:test|delete&_summary=count')).json().total
  for (let index = 0; index < 5; index++) await create(patient('delete'))
  const url = 'Patient?identifier=urn:test|delete'
  t.equal((await call('DELETE', `${url}&_count=2`)).statusCode, 204)
  t.equal(await count(), 3)
  const told = await call('DELETE', url, undefined, { prefer: 'return=OperationOutcome' })
  t.strictSame([told.statusCode, message(told)], [200, '3 resources are deleted'])
  t.equal(await count(), 0)
  t.equal((await call('DELETE', url)).statusCode, 204, 'no match is fine')
  t.equal((await call('DELETE', `${url}&_count=0`)).statusCode, 400)
  await create(patient('delete'))
  const twice = await call('DELETE', `${url}&_count=1&_count=1000`)
  t.strictSame([twice.statusCode, message(twice)], [400, '"_count" is given more than once'])
  t.equal(await count(), 1)
})

t.test('more than a thousand are deleted at once only if their number is said', async t => {
  const entry = Array.from({ length: 1001 }, () => ({
    resource: patient('many'),
    request: { method: 'POST', url: 'Patient' },
  }))
  t.equal((await call('POST', '', { resourceType: 'Bundle', type: 'batch', entry })).statusCode, 200)
  const count = async () => (await call('GET', 'Patient?identifier=urn:test|many&_summary=count')).json().total
  const refused = await call('DELETE', 'Patient?identifier=urn:test|many')
  t.strictSame(
    [refused.statusCode, message(refused), await count()],
    [
      412,
      'The criteria match more than 1000 resources: narrow them, or say with _count how many to delete at once',
      1001,
    ],
  )
  t.equal((await call('DELETE', 'Patient?identifier=urn:test|many&_count=1001')).statusCode, 204)
  t.equal(await count(), 0)
})

t.test(
  'If-None-Exist finds what is there, however its letters are sent, and is refused if they cannot be read',
  async t => {
    await create(patient('Müller?x=1'))
    const sent = (ifNoneExist: string) =>
      call('POST', 'Patient', patient('Müller?x=1'), { 'if-none-exist': ifNoneExist })
    const asUtf8 = Buffer.from('identifier=urn:test|Müller%3Fx=1').toString('latin1')
    for (const criteria of [
      'identifier=urn:test|M%C3%BCller%3Fx=1',
      'identifier=urn:test|M%C3%BCller?x=1',
      'Patient?identifier=urn:test|M%C3%BCller?x=1',
      'identifier=urn:test|Müller%3Fx=1',
      asUtf8,
    ])
      t.equal((await sent(criteria)).statusCode, 200, criteria)
    const refused = await sent('identifier=urn:test|M%FCller')
    t.strictSame(
      [refused.statusCode, message(refused)],
      [400, 'What is percent-encoded in "identifier" is not UTF-8, or says U+FFFD, which stands for no letter'],
    )
    const entry = { resource: patient('x'), request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=%FC' } }
    t.equal((await call('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: [entry] })).statusCode, 400)
    const other = await create(patient('of another\uFFFD'))
    const found = await call('GET', `Patient?_id=${other}`)
    t.equal(found.json().entry.length, 1, 'what is stored with it can be read')
    for (const lenient of [{}, { prefer: 'handling=lenient' }])
      t.equal((await call('GET', 'Patient?identifier=urn:test|M%FCller', undefined, lenient)).statusCode, 400)
  },
)

t.test('nothing is created or chosen if several match If-None-Exist', async t => {
  for (let index = 0; index < 2; index++) await create(patient('twin'))
  const refused = await call('POST', 'Patient', patient('twin'), { 'if-none-exist': 'identifier=urn:test|twin' })
  t.strictSame([refused.statusCode, message(refused)], [412, 'If-None-Exist matches several resources'])
  t.equal((await call('GET', 'Patient?identifier=urn:test|twin&_summary=count')).json().total, 2)
})

t.test('who may not search decides nothing by criteria, whether or not anything matches', async t => {
  const writer = await token({
    subject: { kind: 'client' },
    client: 'importer',
    scope: 'system/Patient.crud',
    policies: ['everything'],
  })
  const as = { authorization: `Bearer ${writer}` }
  await create(patient('unsearched'))
  for (const value of ['unsearched', 'unknown'])
    for (const [method, body] of [
      ['PUT', patient(value)],
      ['PATCH', []],
      ['DELETE', undefined],
    ] as const) {
      const refused = await call(method, `Patient?identifier=urn:test|${value}`, body, as)
      t.equal(refused.statusCode, 403, `${method} ${value}`)
    }
  t.equal((await call('GET', 'Patient?identifier=urn:test|unsearched,urn:test|unknown&_summary=count')).json().total, 1)
})

t.test('missing, unknown or empty criteria never mean everything', async t => {
  await create(patient('stays'))
  const always = '?gender:not=urn:test|of-another-system'
  for (const query of ['', '?', '?_count=1', '?nonsense=1', '?identifier=', '?_sort=name', '?_format=json', always])
    for (const method of ['PUT', 'PATCH', 'DELETE'] as const) {
      const body = method === 'PATCH' ? [] : method === 'PUT' ? patient('stays') : undefined
      t.equal((await call(method, `Patient${query}`, body)).statusCode, 400, `${method} ${query}`)
      const lenient = await call(method, `Patient${query}`, body, { prefer: 'handling=lenient' })
      t.equal(lenient.statusCode, 400, `${method} ${query}, lenient`)
    }
  t.equal((await call('GET', 'Patient?identifier=urn:test|stays&_summary=count')).json().total, 1)
})
