import { randomBytes } from 'node:crypto'
import type { OperationOutcome } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from '../../storage/model/world.ts'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const send = (payload: unknown, more: object = {}, bearer = 'everything') =>
  server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json', ...more },
    payload: JSON.stringify(payload),
  })
const batch = (entry: unknown, more: object = {}, bearer?: string) =>
  send({ resourceType: 'Bundle', type: 'batch', entry }, more, bearer)
const create = (resource: { resourceType: string }, more: object = {}) => ({
  resource,
  request: { method: 'POST', url: resource.resourceType, ...more },
})
const patient = { resourceType: 'Patient' }
const statuses = (answer: { json: () => { entry: { response: { status: string } }[] } }) =>
  answer.json().entry.map(({ response }) => response.status.slice(0, 3))

t.test('entries are answered in order, and none holds up another', async t => {
  const answer = await batch([
    create(patient),
    { resource: patient },
    create({ ...patient, gender: 'x' } as typeof patient),
    null,
    { request: { method: 'GET', url: 'Patient?_count=1' } },
    create(patient),
    { request: { method: 'DELETE', url: 'Patient/nobody' } },
    { request: { method: 'POST', url: 'Patient/nobody' } },
    { request: { method: 'GET', url: 'Patient/$nothing' } },
    { request: { method: 'GET', url: 'Thing/1' } },
    { request: { method: 'HEAD', url: 'Patient?_count=1' } },
  ])
  t.equal(answer.statusCode, 200)
  t.same(statuses(answer), ['201', '400', '422', '400', '200', '201', '404', '405', '404', '404', '200'])
  const { type, entry } = answer.json()
  t.equal(type, 'batch-response')
  t.match(entry[0].response, {
    location: /^http:\/\/localhost:8080\/fhir\/Patient\/[^/]+\/_history\/1$/,
    etag: 'W/"1"',
    lastModified: /^\d{4}-.+Z$/,
  })
  t.notOk(entry[0].resource, 'resources only if asked for')
  t.match(entry[2].response.outcome, { issue: [{ expression: ['Patient.gender'] }] })
  t.match(entry[4].resource, { type: 'searchset' })
  t.same(entry[10], { response: { status: '200 OK' } }, 'HEAD answers as GET does, without the body')
})

t.test('the path of an entry means the same however much of it is percent-encoded', async t => {
  const answer = await batch([
    { resource: { ...patient, id: 'spelled' }, request: { method: 'PUT', url: '%50atient/sp%65lled' } },
    { request: { method: 'GET', url: 'Patient/spelled/%24everything' } },
    { request: { method: 'GET', url: 'Patient/spelled/%5Fhistory/%31' } },
    { request: { method: 'GET', url: 'Patient/spelled%2F%5Fhistory' } },
    { request: { method: 'GET', url: 'Patient/spelled%00' } },
    { request: { method: 'GET', url: 'Patient/%ff' } },
    { request: { method: 'GET', url: 'Patient/\ud800' } },
    { request: { method: 'POST', url: 'Patient/%5Fsearch' } },
  ])
  t.same(statuses(answer), ['201', '200', '200', '404', '404', '400', '404', '400'])
  t.match(
    answer.json().entry.map(({ response }: { response: { outcome?: object } }) => response.outcome),
    {
      3: {
        issue: [
          { diagnostics: 'There is nothing at /Patient/spelled%2F_history: an id is 1 to 64 of A-Z a-z 0-9 - .' },
        ],
      },
      4: { issue: [{ diagnostics: 'There is nothing at /Patient/spelled%00: an id is 1 to 64 of A-Z a-z 0-9 - .' }] },
      5: { issue: [{ diagnostics: 'What is percent-encoded in the path is not UTF-8: %ff' }] },
    },
  )
})

t.test('no path of an entry goes up or stays where it is', async t => {
  const urls = ['Patient/../Patient', 'Patient/%2E%2e/Patient', './Patient', 'Patient/..', 'Patient/./_history']
  const answer = await batch(urls.map(url => ({ request: { method: 'GET', url } })))
  t.same(
    answer
      .json()
      .entry.map(({ response }: { response: { status: string; outcome: OperationOutcome } }) => [
        response.status.slice(0, 3),
        response.outcome.issue[0]?.diagnostics,
      ]),
    ['/Patient/../Patient', '/Patient/../Patient', '/./Patient', '/Patient/..', '/Patient/./_history'].map(path => [
      '400',
      `${path} has ${path.includes('..') ? '..' : '.'} in it: a path begins at the base, as in /Patient/123`,
    ]),
  )
  const written = await batch([{ resource: { ...patient, id: '..' }, request: { method: 'PUT', url: 'Patient/..' } }])
  t.same(statuses(written), ['400'], 'nor is anything stored where nobody finds it')
})

t.test('a question mark within the criteria of an entry is part of them', async t => {
  const named = (value: string) => ({ ...patient, identifier: [{ system: 'urn:asked', value }] })
  await batch([create(named('who')), create(named('who?'))])
  const answer = await batch([{ request: { method: 'GET', url: 'Patient?identifier=urn:asked|who?' } }])
  const found: { resource: { identifier: object[] } }[] = answer.json().entry[0].resource.entry
  t.same(
    found.map(({ resource }) => resource.identifier),
    [[{ system: 'urn:asked', value: 'who?' }]],
  )
})

t.test('if entries cannot be written together, each is written alone', async t => {
  const put = (resource: { readonly resourceType: string; readonly id?: string }) => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  })
  const heartRate = 'omh:heart-rate'
  const records = ['eve-1', 'eve-2'].flatMap(one => [w.registered(one, 'lab'), w.enrols('open', one)])
  const study = [w.organization('lab'), w.study('open', 'lab', [w.requests(heartRate)])]
  t.same(new Set(statuses(await batch([...study, ...records].map(put)))), new Set(['201']))
  const link = ['eve-1', 'eve-2'].map(one => ({ target: { reference: `Patient/${one}` } }))
  const answer = await batch([
    put({ resourceType: 'Person', id: 'eve', link } as { resourceType: string; id: string }),
    put({ ...patient, id: 'beside' } as { resourceType: string; id: string }),
    ...['eve-1', 'eve-2'].map(one => put(w.consent('open', one, 'active', [w.permit(heartRate)]))),
  ])
  t.same(statuses(answer), ['201', '201', '201', '409'], 'one human gives one study one Consent')
})

t.test('Prefer: return=representation answers the resources too', async t => {
  const { entry } = (await batch([create(patient)], { prefer: 'return=representation' })).json()
  t.match(entry[0].resource, { resourceType: 'Patient', meta: { versionId: '1' } })
})

t.test('a type that the token does not cover is refused only for its entry', async t => {
  const answer = await batch([create(patient), { request: { method: 'GET', url: 'Patient/x' } }], {}, 'reader')
  t.same(statuses(answer), ['403', '404'])
  t.match(answer.json().entry[0].response.outcome.issue[0].diagnostics, /system\/Patient\.c/)
})

t.test('an entry with a URL of another server is told that it is one', async t => {
  const answer = await batch([{ request: { method: 'GET', url: 'https://other.example/fhir/Patient/1' } }])
  t.same(statuses(answer), ['400'])
  t.match(answer.json().entry[0].response.outcome.issue[0], {
    expression: ['request.url'],
    diagnostics:
      /^An entry's url is relative to http.*\/fhir, or begins with it, not https:\/\/other\.example\/fhir\/Patient\/1$/,
  })
})

t.test('an entry that asks for the CapabilityStatement is told where that is', async t => {
  const answer = await batch([{ request: { method: 'GET', url: 'metadata' } }])
  t.same(statuses(answer), ['404'])
  t.match(
    answer.json().entry[0].response.outcome.issue[0].diagnostics,
    /the CapabilityStatement is read there by GET, and in no Bundle$/,
  )
})

t.test('an empty batch gets an empty answer', async t => {
  t.same((await batch([])).json(), { resourceType: 'Bundle', type: 'batch-response' })
  t.equal((await batch({})).statusCode, 400)
})

t.test('the base accepts only batches and transactions', async t => {
  const answer = await send({ resourceType: 'Bundle', type: 'collection' })
  t.equal(answer.statusCode, 400)
  t.match(answer.json().issue[0].diagnostics, /batch or transaction/)
  t.equal((await send({ resourceType: 'Patient', type: 'batch' })).statusCode, 400)
})

t.test('a code, a unit or kinds that are too long to store are refused, and nothing else of a Bundle is', async t => {
  const random = (length: number) => randomBytes(length).toString('hex').slice(0, length)
  const codings = (code: string) => ({ coding: [{ system: 'http://codes.example', code }] })
  const observation = (more: object) =>
    create({
      resourceType: 'Observation',
      status: 'final',
      code: codings('rate'),
      subject: { reference: `Patient/${ann}` },
      ...more,
    } as { resourceType: string })
  const ann = (await batch([create(patient)])).json().entry[0].response.location.split('/')[5]
  const component = Array.from({ length: 60 }, () => ({ code: { coding: [{ code: `omh:a${random(50)}` }] } }))
  const answer = await batch([
    observation({}),
    observation({ code: codings(random(1900)) }),
    observation({ code: codings(random(3000)) }),
    observation({ component: [{ code: codings(random(3000)), valueInteger: 1 }] }),
    observation({ valueQuantity: { value: 1, unit: random(3000) } }),
    observation({ valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: '\u{6f22}'.repeat(900) } }),
    observation({ code: { coding: [{ code: 'omh:heart-rate' }] }, component }),
    create({
      resourceType: 'Condition',
      subject: { reference: `Patient/${ann}` },
      onsetRange: { low: { value: 1, unit: random(3000) } },
    } as { resourceType: string }),
  ])
  t.equal(answer.statusCode, 200)
  t.same(statuses(answer), ['201', '201', '422', '422', '422', '422', '422', '422'])
  const told = answer
    .json()
    .entry.slice(2)
    .map((entry: Entry) => entry.response.outcome.issue[0].diagnostics)
  const code = 'A code with its system has at most 2000 bytes in UTF-8'
  const unit = 'A unit with its system has at most 2000 bytes in UTF-8'
  const kinds = 'What an Observation measures, all its kinds together, has at most 2000 bytes in UTF-8'
  t.same(told, [code, code, unit, unit, kinds, unit])
})

type Entry = {
  readonly response: { readonly outcome: { readonly issue: readonly [{ readonly diagnostics: string }] } }
}
