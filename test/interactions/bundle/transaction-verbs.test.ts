import t from 'tap'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())

const authorization = 'Bearer everything'
const send = (type: 'batch' | 'transaction', entry: readonly unknown[], more: object = {}) =>
  server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization, 'content-type': 'application/fhir+json', ...more },
    payload: JSON.stringify({ resourceType: 'Bundle', type, entry }),
  })
const get = async (url: string) => (await server.inject({ url: `/fhir/${url}`, headers: { authorization } })).json()
const patient = (value: string, more: object = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:test', value }],
  ...more,
})
const put = async (id: string, more: object = {}) =>
  send('batch', [{ resource: patient(id, { id, ...more }), request: { method: 'PUT', url: `Patient/${id}` } }])
const statuses = (answer: Awaited<ReturnType<typeof send>>) =>
  answer.json().entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3))
const refusal = async (...entry: readonly unknown[]) => {
  const answer = await send('transaction', entry)
  const [issue] = answer.json().issue ?? []
  return [answer.statusCode, issue?.expression?.[0], issue?.diagnostics]
}
const jsonPatch = (...operations: readonly object[]) => ({
  resourceType: 'Binary',
  contentType: 'application/json-patch+json',
  data: Buffer.from(JSON.stringify(operations)).toString('base64'),
})
const fhirpathPatch = (path: string, value: object) => ({
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
const urn = (digit: number) => `urn:uuid:${String(digit).repeat(8)}-1111-4111-8111-111111111111`

t.test('every verb has its entry, and its answer in the same place', async t => {
  for (const id of ['read', 'put', 'json', 'fhirpath', 'gone', 'criteria']) await put(id)
  for (const type of ['batch', 'transaction'] as const) {
    const answer = await send(type, [
      { request: { method: 'GET', url: 'Patient/read' } },
      { request: { method: 'GET', url: 'Patient/read', ifNoneMatch: 'W/"1"' } },
      { request: { method: 'GET', url: 'Patient/read/_history' } },
      { request: { method: 'GET', url: 'Patient/read/_history/1' } },
      { request: { method: 'GET', url: 'Patient?identifier=urn:test|put&_summary=count' } },
      { resource: patient('put', { id: 'put', gender: 'male' }), request: { method: 'PUT', url: 'Patient/put' } },
      {
        resource: jsonPatch({ op: 'add', path: '/active', value: true }),
        request: { method: 'PATCH', url: 'Patient/json' },
      },
      {
        resource: fhirpathPatch('Patient.identifier.value', { valueString: `f-${type}` }),
        request: { method: 'PATCH', url: 'Patient/fhirpath' },
      },
      {
        resource: patient('criteria', { active: true }),
        request: { method: 'PUT', url: 'Patient?identifier=urn:test|criteria' },
      },
      {
        resource: patient('created'),
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:test|created' },
      },
      { request: { method: 'DELETE', url: 'Patient/gone' } },
      { request: { method: 'DELETE', url: 'Patient?identifier=urn:test|nobody' } },
      { request: { method: 'GET', url: 'Patient/_history?_count=1' } },
    ])
    const again = type === 'transaction'
    t.strictSame(
      statuses(answer),
      ['200', '304', '200', '200', '200', '200', '200', '200', '200', again ? '200' : '201', '204', '204', '200'],
      `${type}: ${answer.body}`,
    )
    const { entry } = answer.json()
    t.notOk(entry[1].resource)
    t.match(entry[6].response, { etag: 'W/"2"', location: /\/Patient\/json\/_history\/2$/, lastModified: /Z$/ })
  }
  t.strictSame(
    [(await get('Patient/json')).active, (await get('Patient/fhirpath')).identifier[0].value],
    [true, 'f-transaction'],
  )
})

t.test('references lead to what conditional entries find or create, whichever comes first', async t => {
  await put('found')
  const condition = (reference: string) => ({ resourceType: 'Condition', subject: { reference } })
  const answer = await send(
    'transaction',
    [
      { resource: condition(urn(1)), request: { method: 'POST', url: 'Condition' } },
      { resource: condition(urn(2)), request: { method: 'POST', url: 'Condition' } },
      { resource: condition(urn(3)), request: { method: 'POST', url: 'Condition' } },
      { resource: condition('Patient?identifier=urn:test|found'), request: { method: 'POST', url: 'Condition' } },
      {
        fullUrl: urn(1),
        resource: patient('found'),
        request: { method: 'PUT', url: 'Patient?identifier=urn:test|found' },
      },
      {
        fullUrl: urn(2),
        resource: patient('made'),
        request: { method: 'PUT', url: 'Patient?identifier=urn:test|made' },
      },
      {
        fullUrl: urn(3),
        resource: patient('found'),
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:test|found' },
      },
    ],
    { prefer: 'return=representation' },
  )
  t.strictSame(statuses(answer), ['201', '201', '201', '201', '200', '201', '200'], answer.body)
  const { entry } = answer.json()
  const subjects = entry
    .slice(0, 4)
    .map((one: { resource: { subject: { reference: string } } }) => one.resource.subject.reference)
  t.strictSame(subjects, ['Patient/found', `Patient/${entry[5].resource.id}`, 'Patient/found', 'Patient/found'])
})

t.test(
  'a conditional reference finds what the same transaction writes, wherever it is and whatever it asks for',
  async t => {
    const condition = (subject: string, more: object = {}) => ({
      resource: { resourceType: 'Condition', subject: { reference: subject }, ...more },
      request: { method: 'POST', url: 'Condition' },
    })
    const made = (value: string, more: object = {}) => ({
      resource: patient(value, more),
      request: { method: 'POST', url: 'Patient' },
    })
    const put = (value: string, more: object = {}) => ({
      resource: patient(value, more),
      request: { method: 'PUT', url: `Patient?identifier=urn:test|${value}` },
    })
    const to = (value: string) => `Patient?identifier=urn:test|${value}`
    const leads = async (
      entry: readonly object[],
      [from, at]: readonly [number, string],
      target: number,
      why: string,
    ) => {
      const answer = await send('transaction', entry, { prefer: 'return=representation' })
      t.equal(answer.statusCode, 200, `${why}: ${answer.body.slice(0, 300)}`)
      const written = answer.json().entry?.map(({ resource }: { resource: { id: string } }) => resource) ?? []
      t.match(JSON.stringify(written[from]?.[at]), `Patient/${written[target]?.id}"`, why)
    }
    await leads([condition(to('new1')), made('new1')], [0, 'subject'], 1, 'what is created behind it')
    await leads([made('new2'), condition(to('new2'))], [1, 'subject'], 0, 'what is created before it')
    await leads([condition(to('new3')), put('new3')], [0, 'subject'], 1, 'what is created by a conditional update')
    await send('transaction', [made('old4')])
    const renamed = { resource: patient('new4'), request: { method: 'PUT', url: to('old4') } }
    await leads([condition(to('new4')), renamed], [0, 'subject'], 1, 'what is updated to be what it asks for')
    const other = { link: [{ other: { reference: to('new6') }, type: 'seealso' }] }
    await leads([made('new5', other), made('new6')], [0, 'link'], 1, 'one of its own type')
    const named = { ...condition(to('new7')), fullUrl: urn(7) }
    const encounter = {
      fullUrl: urn(8),
      resource: {
        resourceType: 'Encounter',
        status: 'finished',
        class: { code: 'AMB' },
        subject: { reference: to('new7') },
        diagnosis: [{ condition: { reference: urn(7) } }],
      },
      request: { method: 'POST', url: 'Encounter' },
    }
    const circle = { ...named, resource: { ...named.resource, encounter: { reference: urn(8) } } }
    await leads([encounter, circle, put('new7')], [0, 'subject'], 2, 'one that is in a circle with another')
    const doctor = { resource: { resourceType: 'Practitioner' }, request: { method: 'POST', url: 'Practitioner' } }
    const cared = { generalPractitioner: [{ reference: urn(9) }] }
    await leads([condition(to('new8')), put('new8', cared), { ...doctor, fullUrl: urn(9) }], [0, 'subject'], 1, 'three')
    t.match(await refusal(condition(to('new9')), made('new9'), made('new9')), [
      412,
      'Bundle.entry[0]',
      /matches several/,
    ])
    t.equal((await get(`${to('new9')}&_summary=count`)).total, 0)
  },
)

t.test('entries that refer to each other in a circle refer to existing resources, if those are meant', async t => {
  await put('circle')
  const visit = { system: 'urn:test', value: 'visit' }
  const entry = (method: 'POST' | 'PUT') => [
    {
      fullUrl: urn(5),
      resource: {
        resourceType: 'Encounter',
        identifier: [visit],
        status: 'finished',
        class: { code: 'AMB' },
        diagnosis: [{ condition: { reference: urn(6) } }],
      },
      request:
        method === 'POST'
          ? { method, url: 'Encounter', ifNoneExist: 'identifier=urn:test|visit' }
          : { method, url: 'Encounter?identifier=urn:test|visit' },
    },
    {
      fullUrl: urn(6),
      resource: {
        resourceType: 'Condition',
        subject: { reference: 'Patient/circle' },
        encounter: { reference: urn(5) },
      },
      request: { method: 'POST', url: 'Condition' },
    },
  ]
  const prefer = { prefer: 'return=representation' }
  const [visited, found] = (await send('transaction', entry('POST'), prefer)).json().entry
  t.match(found.resource.encounter, { reference: `Encounter/${visited.resource.id}` })
  t.match(visited.resource.diagnosis, [{ condition: { reference: `Condition/${found.resource.id}` } }])
  for (const [method, said] of [
    ['POST', '200'],
    ['PUT', '200'],
  ] as const) {
    const answer = await send('transaction', entry(method), prefer)
    t.strictSame(statuses(answer), [said, '201'], answer.body)
    const [same, anew] = answer.json().entry
    t.equal(same.resource.id, visited.resource.id)
    t.match(anew.resource.encounter, { reference: `Encounter/${visited.resource.id}` }, method)
    t.equal((await get(`Condition?_id=${anew.resource.id}&encounter=${visited.resource.id}&_summary=count`)).total, 1)
  }
})

t.test('criteria and patches can name other entries', async t => {
  await put('list')
  const list = { resourceType: 'List', status: 'current', mode: 'working', subject: { reference: urn(4) } }
  const entry = [
    {
      fullUrl: urn(4),
      resource: patient('named'),
      request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:test|named' },
    },
    { resource: list, request: { method: 'PUT', url: `List?subject=${urn(4)}` } },
    {
      resource: jsonPatch({ op: 'add', path: '/link', value: [{ other: { reference: urn(4) }, type: 'seealso' }] }),
      request: { method: 'PATCH', url: 'Patient/list' },
    },
  ]
  t.strictSame(statuses(await send('transaction', entry)), ['201', '201', '200'])
  t.strictSame(statuses(await send('transaction', entry)), ['200', '200', '200'], 'again it finds the same')
  const { id } = (await get('Patient?identifier=urn:test|named')).entry[0].resource
  t.equal((await get('Patient/list')).link[0].other.reference, `Patient/${id}`)
  t.equal((await get(`List?subject=Patient/${id}&_summary=count`)).total, 1)
})

t.test('an impossible entry refuses the whole transaction, with its place', async t => {
  await put('overlap')
  for (let index = 0; index < 2; index++)
    await send('batch', [{ resource: patient('twin'), request: { method: 'POST', url: 'Patient' } }])
  const condition = (reference: string) => ({
    resource: { resourceType: 'Condition', subject: { reference } },
    request: { method: 'POST', url: 'Condition' },
  })
  const before = (await get('Condition?_summary=count')).total
  const updated = { resource: patient('twice'), request: { method: 'PUT', url: 'Patient?identifier=urn:test|twice' } }
  t.strictSame(await refusal(updated, updated), [
    400,
    'Bundle.entry[1]',
    'What the criteria (identifier urn:test|twice) of Patient mean is also what entry 0 is about',
  ])
  t.equal((await get('Patient?identifier=urn:test|twice&_summary=count')).total, 0)
  const nobody = await send('transaction', [condition('Patient?identifier=urn:test|nobody')])
  t.equal(nobody.json().issue[0].code, 'not-found', 'this is not multiple-matches')
  t.strictSame(await refusal(condition('Patient/overlap'), condition('Patient?identifier=urn:test|nobody')), [
    412,
    'Bundle.entry[1]',
    'The conditional reference Patient?identifier=urn:test|nobody matches nothing',
  ])
  t.strictSame(await refusal(condition('Patient/overlap'), condition('Patient?identifier=urn:test|twin')), [
    412,
    'Bundle.entry[1]',
    'The conditional reference Patient?identifier=urn:test|twin matches several resources',
  ])
  const byId = { resource: patient('overlap', { id: 'overlap' }), request: { method: 'PUT', url: 'Patient/overlap' } }
  const byCriteria = {
    resource: patient('overlap'),
    request: { method: 'PUT', url: 'Patient?identifier=urn:test|overlap' },
  }
  const deletion = { request: { method: 'DELETE', url: 'Patient?identifier=urn:test|overlap' } }
  for (const [one, other] of [
    [byId, byCriteria],
    [byCriteria, byCriteria],
    [deletion, byId],
    [byId, deletion],
  ])
    t.match(await refusal(condition('Patient/overlap'), one, other), [
      400,
      /^Bundle.entry\[[12]\]$/,
      /(?:Patient\/overlap|of Patient mean) is also what entry [12] is about$/,
    ])
  t.match(
    await refusal({
      request: { method: 'PATCH', url: 'Patient/overlap' },
      resource: jsonPatch({ op: 'remove', path: '/photo' }),
    }),
    [422, 'Bundle.entry[0]', /Operation 0 of the patch/],
  )
  t.match(
    await refusal({
      request: { method: 'PATCH', url: 'Patient/overlap' },
      resource: { resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' },
    }),
    [400],
  )
  const tag = { name: 'meta', valueMeta: { tag: [{ system: 'urn:test', code: 'seen' }] } }
  t.strictSame(
    await refusal({
      request: { method: 'POST', url: 'Patient/overlap/$meta-add' },
      resource: { resourceType: 'Parameters', parameter: [tag] },
    }),
    [400, 'Bundle.entry[0]', 'A transaction carries operations by GET only; a batch takes all'],
  )
  t.equal((await get('Condition?_summary=count')).total, before, 'nothing was written')
  t.equal((await get('Patient/overlap')).meta.versionId, '1')
})

t.test('what a conditional update would create cannot be created by another entry as well', async t => {
  const changed = (value: string, more: object = {}) => ({
    resource: patient(value, more),
    request: { method: 'PUT', url: `Patient?identifier=urn:test|${value}` },
  })
  const made = (value: string, ifNoneExist?: string) => ({
    resource: patient(value),
    request: { method: 'POST', url: 'Patient', ...(ifNoneExist && { ifNoneExist }) },
  })
  const chosen = (value: string) => ({
    resource: patient(value, { id: `chosen-${value}` }),
    request: { method: 'PUT', url: `Patient/chosen-${value}` },
  })
  const both = [{ system: 'urn:test', value: 'one1' }, ...patient('one2').identifier]
  const pairs: Readonly<Record<string, readonly [object, object]>> = {
    'by a create': [made('one1'), changed('one1')],
    'by one behind it': [changed('one1'), made('one1')],
    'by a create under the same criteria': [made('one1', 'identifier=urn:test|one1'), changed('one1')],
    'by an update': [chosen('one1'), changed('one1')],
    'where it chooses its id': [made('one1'), changed('one1', { id: 'one1' })],
    'by another that met nothing': [changed('one1'), changed('one2', { identifier: both })],
  }
  for (const [why, entry] of Object.entries(pairs)) {
    const index = entry.findIndex(one => JSON.stringify(one).includes('?identifier'))
    const message = `What the criteria (identifier urn:test|one1) of Patient mean is also what entry ${1 - index} is about`
    t.strictSame(await refusal(...entry), [400, `Bundle.entry[${index}]`, message], why)
  }
  t.equal((await get('Patient?identifier=urn:test|one1,urn:test|one2&_summary=count')).total, 0)
  await put('one1')
  const met = await send('transaction', [made('one1', 'identifier=urn:test|one1'), changed('one1', { active: true })])
  t.strictSame(statuses(met), ['200', '200'], 'both mean the existing one')
  const replaced = [{ request: { method: 'DELETE', url: 'Patient/one1' } }, changed('one1')]
  t.strictSame(statuses(await send('transaction', replaced)), ['204', '201'], 'a deleted one does not count')
})

t.test('what a conditional update or patch found gets no second match by another entry', async t => {
  await put('second1')
  await put('second2')
  const criteria = 'Patient?identifier=urn:test|second1'
  const changed = (more: object = {}) => ({
    resource: patient('second1', { active: true, ...more }),
    request: { method: 'PUT', url: criteria },
  })
  const patched = {
    resource: jsonPatch({ op: 'add', path: '/active', value: true }),
    request: { method: 'PATCH', url: criteria },
  }
  const made = { resource: patient('second1'), request: { method: 'POST', url: 'Patient' } }
  const chosen = {
    resource: patient('second1', { id: 'second3' }),
    request: { method: 'PUT', url: 'Patient/second3' },
  }
  const message = 'What the criteria (identifier urn:test|second1) of Patient mean is also what entry 1 is about'
  for (const [why, entry] of Object.entries({
    'by a create': [changed(), made],
    'by an update that creates': [changed(), chosen],
    'where it is not found by them any more': [changed(patient('second4')), made],
    'of a patch': [patched, made],
  }))
    t.strictSame(await refusal(...entry), [400, 'Bundle.entry[0]', message], why)
  t.equal((await get('Patient?identifier=urn:test|second1&_summary=count')).total, 1)
  const other = { resource: patient('second5'), request: { method: 'POST', url: 'Patient' } }
  t.strictSame(statuses(await send('transaction', [changed(), other])), ['200', '201'])
  const exchanged = [
    { resource: patient('second2'), request: { method: 'PUT', url: criteria } },
    { resource: patient('second1'), request: { method: 'PUT', url: 'Patient?identifier=urn:test|second2' } },
  ]
  t.strictSame(
    statuses(await send('transaction', exchanged)),
    ['200', '200'],
    'two may exchange what they are found by',
  )
})

t.test('a Bundle of 5,000 entries is one commit', async t => {
  const entry = Array.from({ length: 5000 }, (_, index) => ({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'many' },
      subject: { reference: index % 2 === 0 ? urn(5) : 'Patient?identifier=urn:test|many' },
      valueInteger: index,
    },
    request: { method: 'POST', url: 'Observation' },
  }))
  await put('many')
  const answer = await send('transaction', [
    ...entry,
    { fullUrl: urn(5), resource: patient('many'), request: { method: 'PUT', url: 'Patient?identifier=urn:test|many' } },
  ])
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().entry.length, 5001)
  t.equal((await get('Observation?subject=Patient/many&_summary=count')).total, 5000)
})
