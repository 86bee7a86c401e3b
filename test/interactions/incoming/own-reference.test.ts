import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, token } = await fhirWorld({ BASE_URL: 'https://health.example' })
t.teardown(() => server.close())

const base = 'https://health.example/fhir'
const send = async (bearer: string, method: 'GET' | 'POST' | 'PUT', url: string, body?: object) => {
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' }
  const answer = await server.inject({
    method,
    url: url === '' ? '/fhir' : `/fhir/${url}`,
    headers,
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
  return { status: answer.statusCode, body: answer.json() }
}
const idsOf = async (query: string): Promise<readonly string[]> =>
  ((await send('everything', 'GET', query)).body.entry ?? []).map(
    ({ resource }: { resource: { id: string } }) => resource.id,
  )
const post = (resource: { readonly resourceType: string; readonly [name: string]: unknown }, bearer = 'everything') =>
  send(bearer, 'POST', resource.resourceType, resource)
const observation = (subject: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
  effectiveDateTime: '2026-01-01T12:00:00Z',
  valueQuantity: { value: 60, unit: '/min', system: systems.ucum, code: '/min' },
  subject: { reference: subject },
  ...more,
})
await send('everything', 'PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })

t.test('one without an id is refused at its element, with or without this server’s address', async t => {
  for (const [reference, why] of [
    ['Patient/', /^in a relative reference, a type is followed by an id/],
    [`${base}/Patient/`, /^“https:\/\/health\.example\/fhir\/Patient\/” names nothing: .* a type is followed by an id/],
    [`${base}/Patient/a/b`, /names nothing/],
  ] as const) {
    const study = { reference: 'ResearchStudy/s' }
    const of = { resourceType: 'ResearchSubject', status: 'candidate', study, individual: { reference } }
    t.match(await post(of), {
      status: 422,
      body: { issue: [{ code: 'value', diagnostics: why, expression: ['ResearchSubject.individual.reference'] }] },
    })
  }
})

t.test('a reference with this server’s address is found like a relative one', async t => {
  const device = { resourceType: 'Device', patient: { reference: `${base}/Patient/ann` } }
  const { body: made } = await post(device)
  t.same(made.patient, { reference: 'Patient/ann' })
  const { status, body } = await post(
    observation(`${base}/Patient/ann`, {
      device: { reference: `${base}/Device/${made.id}/_history/1` },
      performer: [{ display: 'Somebody' }, { reference: `${base}/Patient/ann`, display: 'Ann' }],
      derivedFrom: [
        { reference: 'https://health.example/fhir/Thing/1' },
        { reference: 'https://other.example/fhir/Observation/1' },
      ],
      extension: [{ url: 'https://other.example/told', valueReference: { reference: `${base}/Patient/ann` } }],
      note: [{ text: `${base}/Patient/ann` }],
    }),
  )
  t.equal(status, 201)
  t.match(body, {
    subject: { reference: 'Patient/ann' },
    device: { reference: `Device/${made.id}/_history/1` },
    performer: [{ display: 'Somebody' }, { reference: 'Patient/ann', display: 'Ann' }],
    derivedFrom: [
      { reference: 'https://health.example/fhir/Thing/1' },
      { reference: 'https://other.example/fhir/Observation/1' },
    ],
    extension: [{ valueReference: { reference: 'Patient/ann' } }],
    note: [{ text: `${base}/Patient/ann` }],
  })
  for (const query of [
    'Observation?patient=ann',
    `Observation?subject=${base}/Patient/ann`,
    'Patient/ann/Observation',
    'Observation?subject:Patient._id=ann',
  ])
    t.same(await idsOf(query), [body.id], query)
  t.same(await idsOf(`Observation?patient=ann&_include=Observation:subject`), [body.id, 'ann'])
  const self = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.cruds' })
  t.equal((await send(self, 'GET', `Observation/${body.id}`)).status, 200)
  const condition = { resourceType: 'Condition', subject: { reference: `${base}/Patient/ann` } }
  const own = await post(condition, self)
  t.match(
    own,
    { status: 201, body: { subject: { reference: 'Patient/ann' } } },
    'even for somebody writing about themselves',
  )
  const changed = await send('everything', 'PUT', `Observation/${body.id}`, {
    ...body,
    subject: { reference: `${base}/Patient/ann` },
  })
  t.match(changed, { status: 200, body: { subject: { reference: 'Patient/ann' } } })
  t.equal(changed.body.meta.versionId, body.meta.versionId, 'this is not a change')
})

t.test('references in a stored Bundle stay as they came', async t => {
  const entry = [{ fullUrl: `${base}/Observation/1`, resource: observation(`${base}/Patient/ann`) }]
  const { body } = await post({ resourceType: 'Bundle', type: 'collection', entry })
  t.same(body.entry, entry)
})

t.test('a conditional reference is refused outside of transactions, at its element', async t => {
  const reference = 'Patient?identifier=urn:test|1'
  const told = {
    code: 'business-rule',
    expression: ['Observation.performer[1].reference'],
    diagnostics: `“${reference}” is looked up where a transaction is written, and nowhere else: send it in one, or name the resource by its id`,
  }
  const performer = [{ reference: 'Patient/ann' }, { reference }]
  t.match(await post(observation('Patient/ann', { performer })), { status: 422, body: { issue: [told] } })
  const request = { method: 'POST', url: 'Observation' }
  const { body } = await send('everything', 'POST', '', {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [{ resource: observation('Patient/ann', { performer }), request }],
  })
  t.match(body.entry, [{ response: { status: '422', outcome: { issue: [{ diagnostics: told.diagnostics }] } } }])
})

t.test('an entry of a batch that refers to another one is refused, and the others are written', async t => {
  const urn = 'urn:uuid:11111111-1111-4111-8111-111111111111'
  const { body } = await send('everything', 'POST', '', {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [
      { fullUrl: urn, resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
      { resource: observation(urn), request: { method: 'POST', url: 'Observation' } },
      {
        resource: observation('urn:uuid:22222222-1111-4111-8111-111111111111'),
        request: { method: 'POST', url: 'Observation' },
      },
    ],
  })
  t.match(body.entry, [
    { response: { status: '201 Created' } },
    {
      response: {
        status: '422',
        outcome: {
          issue: [
            {
              code: 'business-rule',
              diagnostics: `It refers to another entry, ${urn}, and entries of a batch know nothing of each other: send them in a transaction`,
            },
          ],
        },
      },
    },
    { response: { status: '201 Created' } },
  ])
})

t.test('an entry of a batch may refer to what another one changes, since that is there', async t => {
  const put = (resource: object, path: string) => ({
    fullUrl: `${base}/${path}`,
    resource: { ...resource, id: path.split('/')[1] },
    request: { method: 'PUT', url: path },
  })
  const { body } = await send('everything', 'POST', '', {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [put({ resourceType: 'Patient' }, 'Patient/ann'), put(observation('Patient/ann'), 'Observation/of-ann')],
  })
  t.match(body.entry, [{ response: { status: '200 OK' } }, { response: { status: '201 Created' } }])
})
