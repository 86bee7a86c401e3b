import t from 'tap'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const authorization = 'Bearer everything'
const send = (entry: unknown, more: object = {}) =>
  server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization, 'content-type': 'application/fhir+json', ...more },
    payload: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  })
const get = async (url: string) => (await server.inject({ url: `/fhir/${url}`, headers: { authorization } })).json()
const count = async (type: string): Promise<number> => (await get(`${type}?_total=accurate`)).total
const entryOf = (
  fullUrl: string,
  resource: { resourceType: string },
  method = 'POST',
  url = resource.resourceType,
) => ({
  fullUrl,
  resource,
  request: { method, url },
})
const patientUrl = 'urn:uuid:11111111-1111-4111-8111-111111111111'
const otherUrl = 'urn:uuid:22222222-2222-4222-8222-222222222222'
const condition = (reference: string, more: object = {}) => ({
  resourceType: 'Condition',
  subject: { reference },
  ...more,
})
const locationId = (location: string) => location.split('/').at(-3)

t.test('references by urn:uuid become those to the created resources, whichever comes first', async t => {
  const answer = await send([
    entryOf(otherUrl, condition(patientUrl, { identifier: [{ value: patientUrl }] })),
    entryOf(patientUrl, { resourceType: 'Patient' }),
    { request: { method: 'GET', url: 'Condition' } },
  ])
  t.equal(answer.statusCode, 200)
  const { type, entry } = answer.json()
  t.equal(type, 'transaction-response')
  const id = locationId(entry[1].response.location)
  const stored = await get(`Condition/${locationId(entry[0].response.location)}`)
  t.same(stored.subject, { reference: `Patient/${id}` })
  t.same(stored.identifier, [{ value: patientUrl }], 'an identifier is not a reference')
  t.equal(entry[2].resource.entry.length, 1, 'reads see what was written')
})

t.test('links in a narrative become those to the created resources', async t => {
  const div = (patient: string) =>
    `<div xmlns="http://www.w3.org/1999/xhtml"><p title="${patientUrl}">Of <a class="x" href="${patient}">Ann</a>, <img src='${patient}' alt="x"/> <a href="https://x.example/?a=1&amp;b=2">elsewhere</a> ${patientUrl}</p></div>`
  const { entry } = (
    await send([
      entryOf(otherUrl, condition(patientUrl, { text: { status: 'generated', div: div(patientUrl) } })),
      entryOf(patientUrl, { resourceType: 'Patient' }),
    ])
  ).json()
  const stored = await get(`Condition/${locationId(entry[0].response.location)}`)
  t.equal(stored.text.div, div(`Patient/${locationId(entry[1].response.location)}`))
})

t.test('resources that refer to each other get their ids beforehand', async t => {
  const answer = await send([
    entryOf(patientUrl, {
      resourceType: 'Patient',
      link: [{ other: { reference: otherUrl }, type: 'seealso' }],
    } as never),
    entryOf(otherUrl, {
      resourceType: 'Patient',
      link: [{ other: { reference: patientUrl }, type: 'seealso' }],
    } as never),
  ])
  const [one, other] = answer
    .json()
    .entry.map((entry: { response: { location: string } }) => locationId(entry.response.location))
  t.equal((await get(`Patient/${one}`)).link[0].other.reference, `Patient/${other}`)
  t.equal((await get(`Patient/${other}`)).link[0].other.reference, `Patient/${one}`)
})

t.test('a reference to an existing resource leads to it', async t => {
  const identifier = [{ system: 'http://x.example', value: '9' }]
  const known = entryOf(patientUrl, { resourceType: 'Patient', identifier } as never)
  const request = { ...known.request, ifNoneExist: 'identifier=http://x.example|9' }
  const first = (await send([{ ...known, request }])).json().entry[0].response
  const { entry } = (await send([entryOf(otherUrl, condition(patientUrl)), { ...known, request }])).json()
  t.match(entry[1].response.status, /^200/)
  const stored = await get(`Condition/${locationId(entry[0].response.location)}`)
  t.equal(stored.subject.reference, `Patient/${locationId(first.location)}`)
})

t.test('a fullUrl that is too long is refused with its place', async t => {
  const tooLong = `http://x.example/${'a'.repeat(2048)}/Patient/1`
  const answer = await send([
    entryOf(patientUrl, { resourceType: 'Patient' }),
    entryOf(tooLong, { resourceType: 'Patient' }),
  ])
  t.has(
    [answer.statusCode, answer.json().issue],
    [
      400,
      [
        {
          code: 'invalid',
          diagnostics: `A fullUrl has at most 2048 characters, not ${tooLong.length}`,
          expression: ['Bundle.entry[1].fullUrl'],
        },
      ],
    ],
  )
})

t.test('a fullUrl that is relative, or not a UUID after urn:uuid:, is refused with its place', async t => {
  for (const [fullUrl, said] of [
    ['Patient/1', /^a fullUrl is absolute, as https:\/\/… or urn:uuid:…, and not relative$/],
    ['urn:uuid:patient-1', /^behind urn:uuid: a fullUrl has a UUID/],
  ] as const) {
    const answer = await send([
      entryOf(patientUrl, { resourceType: 'Patient' }),
      entryOf(fullUrl, { resourceType: 'Patient' }),
    ])
    t.match(
      [answer.statusCode, answer.json().issue],
      [400, [{ code: /^invalid$/, diagnostics: said, expression: ['Bundle.entry[1].fullUrl'] }]],
    )
  }
})

t.test('references with a version become those to the version that is written', async t => {
  const base = 'http://ex.org/fhir'
  const vital = (id: string, derivedFrom: readonly string[]) => ({
    ...entryOf(`${base}/Observation/${id}`, {
      resourceType: 'Observation',
      ...{ status: 'final', code: { text: id } },
      ...(derivedFrom.length > 0 && { derivedFrom: derivedFrom.map(reference => ({ reference })) }),
    }),
  })
  const put = (id: string, text: string) =>
    entryOf(
      `${base}/Observation/${id}`,
      { resourceType: 'Observation', ...{ id, status: 'final', code: { text } } },
      'PUT',
      `Observation/${id}`,
    )
  t.equal((await send([put('kept', 'first'), put('changed', 'first')])).statusCode, 200)
  const answer = await send([
    vital('referring', [
      'Observation/posted/_history/7',
      `${base}/Observation/posted/_history/7`,
      `${patientUrl}/_history/1`,
      'Observation/posted',
      'https://elsewhere.example/Observation/posted/_history/7',
      'Observation/kept/_history/1',
    ]),
    vital('posted', []),
    { ...vital('urn', []), fullUrl: patientUrl },
  ])
  t.equal(answer.statusCode, 200, answer.body)
  const [referring, posted, urn] = answer
    .json()
    .entry.map(({ response }: { response: { location: string } }) => locationId(response.location))
  const derivedOf = async (id: string) =>
    (await get(`Observation/${id}`)).derivedFrom.map(({ reference }: { reference: string }) => reference)
  t.same(await derivedOf(referring), [
    `Observation/${posted}/_history/1`,
    `Observation/${posted}/_history/1`,
    `Observation/${urn}/_history/1`,
    `Observation/${posted}`,
    'https://elsewhere.example/Observation/posted/_history/7',
    'Observation/kept/_history/1',
  ])
  const of = await send([
    entryOf(
      `${base}/Observation/of`,
      {
        resourceType: 'Observation',
        ...{ id: 'of', status: 'final', code: { text: 'of' } },
        ...{ derivedFrom: [{ reference: 'Observation/changed/_history/9' }] },
      },
      'PUT',
      'Observation/of',
    ),
    put('changed', 'second'),
  ])
  t.equal(of.statusCode, 200, of.body)
  t.same(await derivedOf('of'), ['Observation/changed/_history/2'])
  const lost = await send([vital('x', [`${otherUrl}/_history/1`])])
  t.match([lost.statusCode, lost.body], [400, /No entry of the transaction has the fullUrl urn:uuid/])
})

t.test(
  'a created resource refers to the version that an update writes, and through this server’s URL to that resource',
  async t => {
    const own = 'http://localhost:8080/fhir/Patient/versioned'
    const put = (fullUrl: string, gender: string, url = 'Patient/versioned') => {
      const identifier = [{ system: 'urn:test', value: 'versioned' }]
      return entryOf(fullUrl, { resourceType: 'Patient', ...{ id: 'versioned', identifier, gender } }, 'PUT', url)
    }
    const writes: readonly [entry: unknown, reference: string, expected: string][] = [
      [put(own, 'male'), own, 'Patient/versioned'],
      [put(patientUrl, 'female'), `${patientUrl}/_history/1`, 'Patient/versioned/_history/2'],
      [
        put(patientUrl, 'other', 'Patient?identifier=urn:test|versioned'),
        `${patientUrl}/_history/1`,
        'Patient/versioned/_history/3',
      ],
      [
        put('https://ex.org/fhir/Patient/versioned', 'unknown'),
        'https://ex.org/fhir/Patient/versioned/_history/7',
        'Patient/versioned/_history/4',
      ],
      [put(own, 'male'), `${own}/_history/2`, 'Patient/versioned/_history/2'],
    ]
    for (const [entry, reference, expected] of writes) {
      const answer = await send([entryOf(otherUrl, condition(reference)), entry])
      t.equal(answer.statusCode, 200, answer.body)
      const [{ response }] = answer.json().entry
      t.same((await get(`Condition/${locationId(response.location)}`)).subject, { reference: expected })
    }
  },
)

t.test('relative references are resolved against the fullUrl of their entry', async t => {
  const { entry } = (
    await send([
      entryOf('http://elsewhere.example/fhir/Patient/1', { resourceType: 'Patient' }),
      entryOf('http://elsewhere.example/fhir/Condition/1', condition('Patient/1')),
    ])
  ).json()
  const stored = await get(`Condition/${locationId(entry[1].response.location)}`)
  t.equal(stored.subject.reference, `Patient/${locationId(entry[0].response.location)}`)
})

t.test('one refusal refuses everything, and names its entry', async t => {
  const before = await count('Patient')
  const answer = await send([
    entryOf(patientUrl, { resourceType: 'Patient' }),
    {
      resource: { resourceType: 'Patient', id: 'nobody' },
      request: { method: 'PUT', url: 'Patient/nobody', ifMatch: 'W/"3"' },
    },
  ])
  t.equal(answer.statusCode, 404)
  t.same(answer.json().issue[0].expression, ['Bundle.entry[1]'])
  t.equal(await count('Patient'), before)
})

t.test('errors are reported with their place', async t => {
  const expressionOf = async (entry: unknown) => {
    const answer = await send(entry)
    return [answer.statusCode, answer.json().issue[0].expression[0]]
  }
  const invalid = entryOf(patientUrl, { resourceType: 'Patient', gender: 'x' } as never)
  t.same(await expressionOf([invalid]), [422, 'Bundle.entry[0].resource.gender'])
  t.same(await expressionOf([{ request: { url: 'Patient' } }]), [400, 'Bundle.entry[0].request.method'])
  t.same(await expressionOf([entryOf(patientUrl, condition(otherUrl))]), [400, 'Bundle.entry[0]'])
  t.same(await expressionOf([entryOf(patientUrl, condition('Patient?_id=nobody'))]), [412, 'Bundle.entry[0]'])
  const twice = entryOf(patientUrl, { resourceType: 'Patient' })
  t.same(await expressionOf([twice, twice]), [400, 'Bundle.entry[1]'])
  const put = (url: string) => entryOf(`urn:x:${url}`, { resourceType: 'Patient', id: 'same' } as never, 'PUT', url)
  t.same(await expressionOf([put('Patient/same'), put('Patient/s%61me')]), [400, 'Bundle.entry[1]'])
  const operation = entryOf(patientUrl, { resourceType: 'Parameters' }, 'POST', 'Patient/ann/%24meta-add')
  t.same(await expressionOf([operation]), [400, 'Bundle.entry[0]'])
})
