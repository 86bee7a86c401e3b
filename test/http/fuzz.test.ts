import type { InjectOptions } from 'fastify'
import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

const { server } = await fhirWorld()
t.teardown(() => server.close())

type Sent = Pick<InjectOptions, 'url' | 'payload' | 'headers'> & { readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' }

const send = ({ method = 'POST', url, payload, headers = {} }: Sent) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...headers },
    ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) }),
  })

/** Whatever is sent is never the server's fault, alone or in a Bundle, and errors are reported as FHIR defines. */
const isOrderly = ({ statusCode, body }: Awaited<ReturnType<typeof send>>): boolean =>
  statusCode < 500 &&
  !/"status":"5\d\d|Internal error/.test(body) &&
  (statusCode < 400 || /OperationOutcome/.test(body))

const disorderly = async (all: readonly Sent[]): Promise<readonly string[]> => {
  const found: string[] = []
  for (const sent of all) {
    const answer = await send(sent)
    if (!isOrderly(answer))
      found.push(`${JSON.stringify(sent).slice(0, 300)} → ${answer.statusCode} ${answer.body.slice(0, 300)}`)
  }
  return found
}

const patient = {
  resourceType: 'Patient',
  id: 'p',
  name: [{ family: 'F', given: ['G'] }],
  identifier: [{ system: 's', value: 'v' }],
}
const observation = {
  resourceType: 'Observation',
  id: 'o',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/p' },
  effectiveDateTime: '2026-01-01T00:00:00Z',
  valueQuantity: { value: 60, system: 'http://unitsofmeasure.org', code: '/min' },
}

t.before(async () => {
  for (const resource of [patient, observation])
    await send({ method: 'PUT', url: `${resource.resourceType}/${resource.id}`, payload: resource })
})

const ucum = 'http://unitsofmeasure.org'
const strange = [
  ...['', ',', '|', '||', '\\', '$', '\u0000', 'a\u0000b', '\ud800', '😀', '%', '"', "';--", '((((', '*', '__proto__'],
  ...['-0', '1e400', '1e-400', '1e99999999999', '9'.repeat(400), 'NaN', '1.', '-1', '0', 'true', 'x'.repeat(5000)],
  ...[
    '2026-13',
    '2026-02-31',
    '0000',
    '0001-01-01',
    '9999-12-31T23:59:59.999Z',
    '10000-01-01',
    'ge',
    'ap9999',
    'sa0001',
  ],
  ...['2016-12-31T23:59:60Z', '2026-01-01T00:00:00+99:99', 'Patient/', 'http://', 'urn:uuid:', 'Patient/p/_history/1'],
  ...[
    `5|${ucum}|10*1000000`,
    `5|${ucum}|m10000`,
    `5|${ucum}|((((`,
    `5|${ucum}|${'m.'.repeat(900)}m`,
    `ap1e300|${ucum}|kg`,
  ],
  ...[
    'name eq',
    'not(',
    'not (name eq "',
    'birthdate ge 1e9',
    'value-quantity gt 5||',
    `${'('.repeat(3000)}name pr true`,
  ],
]
const sentWith = (url: string, names: readonly string[]): readonly Sent[] =>
  names.flatMap(name =>
    strange.map(
      (value): Sent => ({ method: 'GET', url: `${url}?${new URLSearchParams([[name, value.toWellFormed()]])}` }),
    ),
  )

t.test('no parameter of a search accepts nonsense', async t => {
  const shared = ['_id', '_lastUpdated', '_tag', '_text', '_content', '_list', '_filter', '_sort', '_count', '_type']
  const shapes = [
    '_include',
    '_revinclude',
    '_elements',
    '_summary',
    '_total',
    '_cursor',
    '_has:Observation:patient:date',
  ]
  const names = [
    'name',
    'birthdate',
    'identifier',
    'identifier:of-type',
    'general-practitioner',
    'x.y',
    '_has:',
    '\u0000',
  ]
  const ofObservations = [
    'code',
    'code:in',
    'code:below',
    'date',
    'value-quantity',
    'code-value-quantity',
    'subject:Patient.name',
  ]
  t.strictSame(await disorderly(sentWith('Patient', [...shared, ...shapes, ...names])), [])
  t.strictSame(await disorderly(sentWith('Observation', ofObservations)), [])
})

t.test('nor do a history, a compartment, several types and operations', async t => {
  const pages = ['_count', '_since', '_at', '_cursor', '_type']
  for (const url of ['_history', 'Patient/p/_history', 'Patient/p/*', ''])
    t.strictSame(await disorderly(sentWith(url, pages)), [], url)
  t.strictSame(await disorderly(sentWith('Observation/$lastn?patient=p&', ['max', 'code', 'date'])), [])
  t.strictSame(await disorderly(sentWith('Patient/p/$everything', ['start', '_since', '_type', '_count'])), [])
})

t.test('a cursor only continues its own list', async t => {
  await send({ method: 'PUT', url: 'Patient/q', payload: { ...patient, id: 'q' } })
  const { link } = (await send({ method: 'GET', url: 'Patient?_count=1' })).json()
  const cursor = String(link.find(({ relation }: { relation: string }) => relation === 'next').url).split('?')[1]
  for (const url of [
    'Observation',
    '_history',
    'Patient/_history',
    'Patient/p/_history',
    'Patient/p/*',
    'Patient/p/$everything',
    '',
  ])
    t.equal((await send({ method: 'GET', url: `${url}?${cursor}` })).statusCode, 400, url)
})

const nested = (depth: number): unknown => Array.from({ length: depth }).reduce(inner => ({ a: inner }), 1)
const operation = (...part: readonly object[]) => ({
  resourceType: 'Parameters',
  parameter: [{ name: 'operation', part }],
})

t.test('a nonsensical patch is refused', async t => {
  const values = [null, 5, '\u0000', '\ud800', [], {}, nested(400)]
  const paths = [
    '',
    '/',
    '/name',
    '/name/-',
    '/name/-1',
    '/name/99999999999999999999',
    '/__proto__',
    '/__proto__/x',
    '/constructor',
  ]
  const json = ['add', 'replace', 'remove', 'move', 'copy', 'test', 'frobnicate'].flatMap(op =>
    [...paths, '/id', '/meta', '/resourceType', '~', '/x'.repeat(3000)].map((path, at) => [
      { op, path, from: paths[at], value: values[at % values.length] },
    ]),
  )
  const headers = { 'content-type': 'application/json-patch+json' }
  const bodies = [...json, null, 5, {}, [null], [[]], Array.from({ length: 9000 }, () => json[0]?.[0])]
  t.strictSame(
    await disorderly(bodies.map(payload => ({ method: 'PATCH', url: 'Patient/p', payload, headers }) as Sent)),
    [],
  )
  const fhirPaths = [
    '',
    'Patient.name[99999999999]',
    'name.where(',
    '%resource',
    '('.repeat(3000),
    `Patient${'.name'.repeat(3000)}`,
    '\u0000',
    'now()',
    '1 div 0',
  ]
  const fhirpath = ['add', 'insert', 'delete', 'replace', 'move', 'x'].flatMap(type =>
    fhirPaths.map((path, at) =>
      operation(
        { name: 'type', valueCode: type },
        { name: 'path', valueString: path },
        { name: 'name', valueString: at % 2 === 0 ? 'name' : '__proto__' },
        { name: 'value', [at % 2 === 0 ? 'valueString' : 'part']: values[at % values.length] },
        { name: 'index', valueInteger: -1 },
      ),
    ),
  )
  const all = [
    ...fhirpath,
    operation(),
    { resourceType: 'Parameters', parameter: [null] },
    { resourceType: 'Parameters', parameter: 5 },
  ]
  t.strictSame(await disorderly(all.map(payload => ({ method: 'PATCH', url: 'Patient?identifier=v', payload }))), [])
})

t.test('nonsensical entries of a Bundle are refused one by one', async t => {
  const urls = [
    'Patient/p',
    'Patient?identifier=v',
    'Patient?',
    '',
    '?',
    '$meta',
    '_history',
    'Patient/p/*',
    'Nothing/1',
    '../Patient',
    'Patient/%00',
    'Patient?name=%00',
    '\u0000',
    'Patient?_cursor=x',
    'Patient?_format=ndjson',
  ]
  const resources = [
    undefined,
    null,
    5,
    [],
    {},
    patient,
    { ...patient, id: 5 },
    { resourceType: 'Binary', data: '!!!' },
  ]
  const conditions = [
    {},
    { ifMatch: 5 },
    { ifMatch: 'x' },
    { ifNoneMatch: 'x' },
    { ifNoneExist: '?' },
    { ifNoneExist: '\u0000' },
  ]
  const entries = urls.flatMap((url, at) =>
    ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', '', 5].map((method, by) => ({
      resource: resources[(at + by) % resources.length],
      request: { method, url, ...conditions[(at + by) % conditions.length] },
    })),
  )
  const references = ['Patient?', 'Patient?identifier=\u0000', 'Nothing?x=y', 'urn:uuid:nobody'].map(reference => ({
    resource: { ...observation, subject: { reference } },
    request: { method: 'POST', url: 'Observation' },
  }))
  const entry = [...entries, ...references, null, 5, [], {}, { request: null }, { request: { method: 'GET', url: 5 } }]
  const alone = entry.map(
    (one): Sent => ({ url: '', payload: { resourceType: 'Bundle', type: 'transaction', entry: [one] } }),
  )
  t.strictSame(await disorderly([{ url: '', payload: { resourceType: 'Bundle', type: 'batch', entry } }, ...alone]), [])
})

t.test('nonsensical bodies of operations and XML are refused', async t => {
  const metas = [
    null,
    5,
    [],
    {},
    { tag: 5 },
    { tag: [null] },
    { tag: {}, profile: ['x'] },
    { profile: [null] },
    { tag: [{ code: '\u0000' }] },
  ]
  const resources = [
    null,
    5,
    {},
    { resourceType: 5 },
    { ...patient, meta: { profile: ['http://x', 5, null] } },
    { ...patient, contained: [null] },
  ]
  const given = [
    ...metas.map(valueMeta => ({ name: 'meta', valueMeta })),
    ...resources.map(resource => ({ name: 'resource', resource })),
    ...[null, 5, {}, { name: 5 }],
  ]
  const bodies = [
    ...given.map(one => ({ resourceType: 'Parameters', parameter: [one] })),
    ...resources,
    { resourceType: 'Parameters', parameter: {} },
  ]
  for (const url of [
    'Patient/p/$meta-add',
    'Patient/p/$meta-delete',
    'Patient/$validate',
    'Observation/$lastn',
    'Patient/p/$everything',
  ])
    t.strictSame(await disorderly(bodies.map(payload => ({ url, payload }) as Sent)), [], url)
  const inPatient = [
    '<foo value="x"/>',
    '<id/>',
    '<__proto__ value="x"/>',
    '<contained/>',
    'text',
    '&#0;',
    '&a;',
    '<![CDATA[x]]>',
    '<name/>'.repeat(9000),
  ]
  const documents = [
    ...inPatient.map(inner => `<Patient xmlns="http://hl7.org/fhir">${inner}</Patient>`),
    `<Patient xmlns="http://hl7.org/fhir" ${Array.from({ length: 10_000 }, (_, at) => `a${at}="x"`).join(' ')}/>`,
    ...['', '<', '<Patient/>', '<__proto__ xmlns="http://hl7.org/fhir"/>', '\u0000', '{}'],
  ]
  const headers = { 'content-type': 'application/fhir+xml' }
  t.strictSame(await disorderly(documents.map(payload => ({ url: 'Patient', payload, headers }))), [])
})
