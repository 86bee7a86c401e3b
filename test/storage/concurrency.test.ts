import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const send = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  payload?: object | string,
  more: object = {},
) =>
  server.inject({
    method,
    url: url.startsWith('http') ? url.slice(url.indexOf('/fhir')) : `/fhir${url && `/${url}`}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...more },
    ...(payload === undefined ? {} : { payload }),
  })
type Answer = Awaited<ReturnType<typeof send>>
const eightTimes = <Answer>(ask: (index: number) => Promise<Answer>): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: 8 }, (_, index) => ask(index)))
const statuses = (answers: readonly { readonly statusCode: number }[]) =>
  answers.map(({ statusCode }) => statusCode).sort()
const count = async (query: string): Promise<number> => (await send('GET', `${query}&_summary=count`)).json().total
const bundleOf = (type: 'batch' | 'transaction', entry: readonly object[]) => ({ resourceType: 'Bundle', type, entry })

const put = async (id: string, more: object = {}) => {
  const answer = await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id, ...more })
  if (answer.statusCode > 201) throw new Error(answer.body)
}
const document = (patient: string, index: number, value = 60 + index) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
  subject: { reference: `Patient/${patient}` },
  valueAttachment: {
    contentType: 'application/json',
    data: Buffer.from(
      JSON.stringify({
        header: {
          uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(index).padStart(12, '0')}`,
          schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' },
          source_creation_date_time: '2026-03-01T07:31:00Z',
          modality: 'sensed',
        },
        body: {
          heart_rate: { value, unit: 'beats/min' },
          effective_time_frame: { date_time: new Date(Date.UTC(2026, 2, 1, 0, index)).toISOString() },
        },
      }),
    ).toString('base64'),
  },
})
const posted = (resource: object) => ({ resource, request: { method: 'POST', url: 'Observation' } })

t.test('a Bundle that eight requests send at once stores each document once', async t => {
  await put('once')
  const bundle = bundleOf(
    'batch',
    Array.from({ length: 40 }, (_, index) => posted(document('once', index))),
  )
  const answers = await eightTimes(() => send('POST', '', bundle))
  t.strictSame(statuses(answers), Array(8).fill(200))
  const entries = answers.map(answer => answer.json().entry as { response: { status: string; location: string } }[])
  for (let index = 0; index < 40; index++) {
    const responses = entries.map(one => one[index]?.response)
    t.equal(responses.filter(one => one?.status === '201 Created').length, 1, `document ${index} is created by one`)
    t.equal(responses.filter(one => one?.status === '200 OK').length, 7)
    t.equal(new Set(responses.map(one => one?.location)).size, 1, 'all name the same one')
  }
  t.equal(await count('Observation?patient=once'), 40)
})

t.test('different changes of one document at once become versions of it', async t => {
  await put('changed')
  await send('POST', 'Observation', document('changed', 1))
  const answers = await eightTimes(index => send('POST', 'Observation', document('changed', 1, 100 + index)))
  t.strictSame(statuses(answers), Array(8).fill(200))
  t.equal(new Set(answers.map(answer => answer.json().meta.versionId)).size, 8)
  t.equal(await count('Observation?patient=changed'), 1)
  const [{ id } = { id: '' }] = answers.map(answer => answer.json())
  t.equal((await send('GET', `Observation/${id}/_history`)).json().total, 9)
})

t.test('a conditional create by eight requests at once creates one', async t => {
  const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:test', value: 'conditional' }] }
  const condition = { 'if-none-exist': 'identifier=urn:test|conditional' }
  const answers = await eightTimes(() => send('POST', 'Patient', patient, condition))
  t.strictSame(statuses(answers), [200, 200, 200, 200, 200, 200, 200, 201])
  t.equal(new Set(answers.map(answer => answer.json().id)).size, 1)
  t.equal(await count('Patient?identifier=urn:test|conditional'), 1)
})

const fiftyTimes = <Answer>(ask: (index: number) => Promise<Answer>): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: 50 }, (_, index) => ask(index)))
const identified = (value: string, more: object = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:test', value }],
  ...more,
})

t.test('fifty conditional creates at once make one, however their criteria are written', async t => {
  const words = [
    'identifier=urn:test|fifty&active=true',
    'active=true&identifier=urn:test|fifty',
    'Patient?identifier=urn%3Atest%7Cfifty&active=true',
    'active=true&identifier=urn:test|fifty&active=true',
  ]
  const patient = identified('fifty', { active: true })
  const answers = await fiftyTimes(index =>
    send('POST', 'Patient', patient, { 'if-none-exist': words[index % words.length] }),
  )
  t.strictSame(statuses(answers), [...Array(49).fill(200), 201])
  t.equal(new Set(answers.map(answer => answer.json().id)).size, 1)
  t.equal(await count('Patient?identifier=urn:test|fifty'), 1)
})

t.test('fifty conditional updates at once make one, and a version for each change', async t => {
  const answers = await fiftyTimes(index =>
    send('PUT', 'Patient?identifier=urn:test|updated', identified('updated', { multipleBirthInteger: index + 1 })),
  )
  t.strictSame(statuses(answers), [...Array(49).fill(200), 201])
  t.equal(await count('Patient?identifier=urn:test|updated'), 1)
  t.equal(new Set(answers.map(({ headers }) => headers.etag)).size, 50)
})

t.test(
  'conditional creates and updates with the same criteria take turns: alone, in batches and in transactions',
  async t => {
    const patient = identified('mixed')
    const criteria = 'identifier=urn:test|mixed'
    const posted = { resource: patient, request: { method: 'POST', url: 'Patient', ifNoneExist: criteria } }
    const putted = { resource: patient, request: { method: 'PUT', url: `Patient?${criteria}` } }
    const ways = [
      () => send('POST', 'Patient', patient, { 'if-none-exist': criteria }),
      () => send('PUT', `Patient?${criteria}`, patient),
      () => send('POST', '', bundleOf('batch', [posted])),
      () => send('POST', '', bundleOf('transaction', [posted])),
      () => send('POST', '', bundleOf('transaction', [putted])),
    ]
    const answers = await fiftyTimes(index => ways[index % ways.length]?.() ?? Promise.reject(new Error('no way')))
    t.strictSame(answers.map(statusOf).toSorted(), [...Array(49).fill('200'), '201'])
    t.equal(await count(`Patient?${criteria}`), 1)
  },
)

/** The status of the only request, which is alone or the entry of a Bundle. */
const statusOf = (answer: Awaited<ReturnType<typeof send>>): string =>
  String(answer.json().entry?.[0]?.response?.status ?? answer.statusCode).slice(0, 3)

t.test('transactions with the same criteria in opposite orders all commit', async t => {
  const entries = ['a', 'b', 'c', 'd'].map(value => ({
    resource: identified(`order-${value}`),
    request: { method: 'PUT', url: `Patient?identifier=urn:test|order-${value}` },
  }))
  const answers = await eightTimes(index =>
    send('POST', '', bundleOf('transaction', index % 2 === 0 ? entries : entries.toReversed())),
  )
  t.strictSame(statuses(answers), Array(8).fill(200))
  for (const value of ['a', 'b', 'c', 'd']) t.equal(await count(`Patient?identifier=urn:test|order-${value}`), 1)
})

t.test('fifty patches of one resource at once all count', async t => {
  await put('patched', { name: [{ family: 'x' }] })
  const answers = await fiftyTimes(index =>
    send('PATCH', 'Patient/patched', [{ op: 'add', path: '/name/-', value: { family: `writer-${index}` } }]),
  )
  t.strictSame(statuses(answers), Array(50).fill(200))
  const stored = (await send('GET', 'Patient/patched')).json()
  t.strictSame([stored.name.length, stored.meta.versionId], [51, '51'])
})

t.test('of eight updates of the same version at once, one wins', async t => {
  await put('contested')
  const answers = await eightTimes(index =>
    send(
      'PUT',
      'Patient/contested',
      { resourceType: 'Patient', id: 'contested', name: [{ family: `writer-${index}` }] },
      { 'if-match': 'W/"1"' },
    ),
  )
  t.strictSame(statuses(answers), [200, 412, 412, 412, 412, 412, 412, 412])
  const winner = answers.find(({ statusCode }) => statusCode === 200)
  const stored = await send('GET', 'Patient/contested')
  t.strictSame(stored.json(), winner?.json())
  t.equal(stored.headers.etag, 'W/"2"')
})

t.test('an id that eight requests choose at once is created once and then updated', async t => {
  const answers = await eightTimes(index =>
    send('PUT', 'Patient/chosen', { resourceType: 'Patient', id: 'chosen', name: [{ family: `writer-${index}` }] }),
  )
  t.strictSame(statuses(answers), [200, 200, 200, 200, 200, 200, 200, 201])
  t.equal((await send('GET', 'Patient/chosen/_history')).json().total, 8)
})

t.test('paging shows each resource once, whatever is written meanwhile', async t => {
  const total = 500
  const orders = {
    'in the default order': '',
    'by time': '&_sort=date',
    'by value, then time': '&_sort=-value-quantity,date',
  }
  await put('paged')
  const native = (index: number) => ({
    resourceType: 'Observation',
    id: `paged-${index}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/paged' },
    effectiveDateTime: new Date(Date.UTC(2026, 0, 1, 0, Math.floor(index / 3))).toISOString(),
    ...(index % 5 === 0
      ? {}
      : { valueQuantity: { value: index % 7, system: 'http://unitsofmeasure.org', code: '/min' } }),
  })
  const putAll = (indexes: readonly number[]) =>
    send(
      'POST',
      '',
      bundleOf(
        'batch',
        indexes.map(index => ({
          resource: native(index),
          request: { method: 'PUT', url: `Observation/paged-${index}` },
        })),
      ),
    )
  const everyTenth = Array.from({ length: total / 10 }, (_, index) => index * 10)
  await putAll(Array.from({ length: total }, (_, index) => index))

  for (const [name, order] of Object.entries(orders)) {
    await putAll(everyTenth)
    let added = total
    const disturb = async (page: number) => {
      const doomed = everyTenth.slice(page * 4, page * 4 + 4)
      const fresh = Array.from({ length: 7 }, (_, index) => ({
        index: ((added + index) * 13) % total,
        id: `extra-${added + index}`,
      }))
      added += 7
      await send(
        'POST',
        '',
        bundleOf('batch', [
          ...doomed.map(index => ({ request: { method: 'DELETE', url: `Observation/paged-${index}` } })),
          ...fresh.map(({ index, id }) => ({
            resource: { ...native(index), id },
            request: { method: 'PUT', url: `Observation/${id}` },
          })),
        ]),
      )
    }
    const seen: string[] = []
    let url: string | undefined = `Observation?patient=paged&code=http://loinc.org|8867-4&_count=41${order}`
    for (let page = 0; url !== undefined; page++) {
      const [answer]: readonly [Answer, unknown] = await Promise.all([send('GET', url), disturb(page)])
      const bundle: Bundle = answer.json()
      seen.push(...(bundle.entry ?? []).map(({ resource }) => resource?.id ?? ''))
      url = bundle.link?.find(({ relation }) => relation === 'next')?.url
    }
    t.equal(new Set(seen).size, seen.length, `${name}, none twice`)
    const stayed = Array.from({ length: total }, (_, index) => index).filter(index => index % 10 !== 0)
    t.strictSame(
      stayed.filter(index => !seen.includes(`paged-${index}`)),
      [],
      `${name}, none is missing that was there`,
    )
  }
})

t.test('a transaction that fails leaves nothing behind', async t => {
  const rows = () =>
    database.one(sql.fragment`
      SELECT (SELECT count(*) FROM observation) AS observations, (SELECT count(*) FROM patient) AS patients,
        (SELECT count(*) FROM observation_code) AS codes, (SELECT count(*) FROM observation_history) AS history,
        (SELECT count(*) FROM patient_history) AS versions, (SELECT count(*) FROM resource_identity) AS identities,
        (SELECT count(*) FROM upload_key) AS keys, (SELECT count(*) FROM index_string) AS strings,
        (SELECT count(*) FROM index_date) AS dates, (SELECT count(*) FROM compartment) AS compartments,
        (SELECT sum(version) FROM patient) AS updates`)
  const before = await rows()
  const answer = await send(
    'POST',
    '',
    bundleOf('transaction', [
      {
        fullUrl: 'urn:uuid:11111111-1111-4111-8111-111111111111',
        resource: { resourceType: 'Patient', name: [{ family: 'New' }], birthDate: '2000-01-01' },
        request: { method: 'POST', url: 'Patient' },
      },
      posted(document('once', 999)),
      { request: { method: 'DELETE', url: 'Observation/paged-1' } },
      {
        resource: { resourceType: 'Patient', id: 'once', active: true },
        request: { method: 'PUT', url: 'Patient/once' },
      },
      {
        resource: { resourceType: 'Patient', id: 'contested' },
        request: { method: 'PUT', url: 'Patient/contested', ifMatch: 'W/"17"' },
      },
    ]),
  )
  t.equal(answer.statusCode, 412)
  t.match(answer.json().issue[0].expression, [/^Bundle\.entry\[4\]/])
  t.strictSame(await rows(), before)
})

t.test('text that PostgreSQL cannot store is refused, with its place', async t => {
  const bad = { 'a NUL': '\u0000', 'a lone surrogate': '\ud800', 'a reversed pair': '\udc00\ud800' }
  for (const [name, text] of Object.entries(bad)) {
    const patient = { resourceType: 'Patient', name: [{ family: 'Fine' }, { family: 'x', given: ['y', `a${text}b`] }] }
    const answer = await send('POST', 'Patient', JSON.stringify(patient))
    t.equal(answer.statusCode, 422, `${name}: ${answer.body}`)
    t.strictSame(answer.json().issue?.[0]?.expression, ['Patient.name[1].given[1]'])
    const extension = [{ url: 'http://example.org/note', valueString: `a${text}b` }]
    const elsewhere = await send(
      'POST',
      'Basic',
      JSON.stringify({ resourceType: 'Basic', code: { text: 'x' }, extension }),
    )
    t.equal(elsewhere.statusCode, 422, name)
    t.strictSame(elsewhere.json().issue?.[0]?.expression, ['Basic.extension[0].value'], name)
    const comment = JSON.stringify({ ...patient, name: [{ _family: { id: `a${text}` } }] })
    t.equal((await send('POST', 'Patient', comment)).statusCode, 422, name)
    const member = JSON.stringify({ resourceType: 'Patient', [`na${text}me`]: 'x' })
    t.equal((await send('POST', 'Patient', member)).statusCode, 400, `${name} in the name of an element`)
    const batch = await send(
      'POST',
      '',
      JSON.stringify(
        bundleOf('batch', [
          posted({ ...document('once', 500), note: [{ text }] }),
          posted(document('once', 501)),
          posted(document('once', 502)),
        ]),
      ),
    )
    t.match(
      batch.json().entry.map((entry: { response: { status: string } }) => entry.response.status),
      [/^422/, /^20/, /^20/],
    )
  }
  for (const value of ['1e200000', '-1e-20000', `0.${'1'.repeat(2000)}`, '9'.repeat(150_000)]) {
    const text = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":${value}}}`
    const answer = await send('POST', 'Observation', text)
    t.equal(answer.statusCode, 400, value.slice(0, 20))
    t.strictSame(answer.json().issue?.[0]?.expression, ['Observation.value.value'])
  }
  const paired = await send('POST', 'Patient', { resourceType: 'Patient', name: [{ family: '\u{1F600}' }] })
  t.equal(paired.statusCode, 201, 'a surrogate pair is a character')
})

t.test('text that PostgreSQL cannot store is not found anywhere', async t => {
  const queries = [
    'Patient?name=%00',
    'Patient?_id=%00',
    'Patient?identifier=a%7C%00',
    'Observation?code=%00',
    'Observation?subject=Patient/%00',
    'Observation?code=http://loinc.org%7C%00',
    'Patient?name:missing=%00',
    'Observation?value-string=%00',
    'Patient?_profile=http://%00',
    'Observation?code=%ED%A0%80',
    'Observation?value-quantity=1%7C%00%7C%00',
  ]
  for (const url of queries) {
    const { statusCode, body } = await send('GET', url)
    t.ok([200, 400].includes(statusCode), `${url}: ${statusCode} ${body}`)
    if (statusCode === 200) t.equal(JSON.parse(body).entry, undefined, url)
  }
  for (const url of ['Patient/%00', 'Patient/once/_history/%00', 'Patient/once%00']) {
    const { statusCode } = await send('GET', url)
    t.ok([400, 404].includes(statusCode), `${url}: ${statusCode}`)
  }
  const created = await send('POST', 'Patient', { resourceType: 'Patient' }, { 'if-none-exist': 'identifier=a|%00' })
  t.ok([201, 400].includes(created.statusCode), String(created.statusCode))
})
