import t from 'tap'
import { heartRate, upload } from '../mhealth/upload.ts'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
t.teardown(() => server.close())
const get = (url: string) => server.inject({ url: `/fhir/${url}`, headers: { authorization: 'Bearer everything' } })

const subsetted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }
const tagged = { system: 'http://tags.example', code: 'own' }
const patient = {
  resourceType: 'Patient',
  id: 'ann',
  meta: { tag: [tagged] },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Ann</div>' },
  active: true,
  name: [{ family: 'Ann' }],
  birthDate: '1980-01-01',
  _birthDate: { extension: [{ url: 'http://x.example', valueString: 'about' }] },
  photo: [{ contentType: 'text/plain', data: 'eA==' }],
  contact: [{ name: { family: 'Bea' } }],
  managingOrganization: { reference: 'Organization/lab' },
}
await put({
  resourceType: 'Organization',
  id: 'lab',
  name: 'lab',
  alias: ['L'],
  contact: [{ name: { text: 'x' } }],
} as never)
await put(patient)
await put({
  resourceType: 'Media',
  id: 'picture',
  status: 'completed',
  content: {
    contentType: 'text/plain',
    data: 'eA==',
    title: 'x',
    extension: [{ url: 'http://x.example', valueDecimal: 1.1 }],
  },
} as never)

/** Apart from the tags, `meta` is the server's own. */
const shown = (resource: { meta?: { tag?: unknown } }) => ({ ...resource, meta: { tag: resource.meta?.tag } })
const read = async (url: string) => shown((await get(url)).json())
const whole = { ...patient }
const mark = { meta: { tag: [tagged, subsetted] } }

t.test('a partial resource cannot be stored in place of the whole one', async t => {
  const part = (await get('Patient/ann?_elements=gender')).json()
  const send = (method: 'PUT' | 'POST', url: string) =>
    server.inject({
      method,
      url: `/fhir/${url}`,
      headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
      payload: JSON.stringify(part),
    })
  for (const [method, url] of [
    ['PUT', 'Patient/ann'],
    ['POST', 'Patient'],
  ] as const) {
    const refused = await send(method, url)
    t.match(
      [refused.statusCode, refused.json().issue],
      [422, [{ code: 'business-rule', expression: ['Patient.meta.tag[1]'], diagnostics: /read the whole/ }]],
    )
  }
  t.strictSame(await read('Patient/ann'), whole)
})

t.test('a resource can be read in part, and is marked so', async t => {
  const { text, name, birthDate, _birthDate, active, managingOrganization } = whole
  const base = { resourceType: 'Patient', id: 'ann', ...mark }
  t.strictSame(await read('Patient/ann'), whole)
  t.strictSame(await read('Patient/ann?_summary=false'), whole)
  t.strictSame(await read('Patient/ann?_summary=true'), {
    ...base,
    ...{ active, name, birthDate, _birthDate, managingOrganization },
  })
  t.strictSame(await read('Patient/ann?_summary=text'), { ...base, text })
  const { text: _, ...data } = whole
  t.strictSame(await read('Patient/ann?_summary=data'), { ...data, ...mark })
  t.strictSame(await read('Patient/ann?_elements=birthDate,name'), { ...base, name, birthDate, _birthDate })
  t.strictSame(await read('Patient/ann/_history/1?_elements=active'), { ...base, active })
})

t.test('inside an element only its summary is kept, with what may change its meaning', async t => {
  const { content } = (await get('Media/picture?_summary=true')).json()
  t.strictSame(content, {
    title: 'x',
    extension: [{ url: 'http://x.example', valueDecimal: 1.1 }],
    contentType: 'text/plain',
  })
})

t.test('what cannot be asked for a single resource is refused', async t => {
  const told = async (query: string) => {
    const answer = await get(query)
    return [answer.statusCode, answer.json().issue?.[0].diagnostics]
  }
  t.strictSame(await told('Patient/ann?_summary=count'), [
    400,
    'Only a search is counted; accepted: true, text, data, false',
  ])
  t.strictSame(await told('Patient/ann?_summary=some'), [
    400,
    '_summary "some" is not supported; accepted: true, text, data, count, false',
  ])
  t.match(await told('Patient/ann?_elements=colour'), [400, /^Patient has no element "colour"; it has: .*birthDate/])
  t.match(await told('Patient/ann?_elements=name&_summary=true'), [400, 'Give one of _summary and _elements'])
  for (const including of ['_include=Patient:organization', '_revinclude:iterate=Observation:subject'])
    t.match(await told(`Patient?_summary=text&${including}`), [
      400,
      /^_(rev)?include\S* cannot be mixed with _summary=text/,
    ])
  t.match(await told('Patient?_elements=name&_summary=true'), [400, /^_elements and _summary=true each say/])
})

t.test('a page has its matches in part; included resources are whole except in a summary', async t => {
  const page = async (query: string) => {
    const { entry } = (await get(query)).json()
    return entry.map(({ resource }: { resource: object }) => shown(resource))
  }
  const include = '_include=Patient:organization'
  const [match, included] = await page(`Patient?_elements=name&${include}`)
  t.strictSame(match, { resourceType: 'Patient', id: 'ann', name: whole.name, ...mark })
  t.match(included, { alias: ['L'], name: 'lab' })
  const [summary, short] = await page(`Patient?_summary=true&${include}`)
  t.notOk('contact' in summary || 'photo' in summary)
  t.strictSame(short, {
    resourceType: 'Organization',
    id: 'lab',
    name: 'lab',
    meta: { tag: [subsetted] },
  })
  const { link } = (await get('Patient?_elements=name&_summary=false')).json()
  t.equal(link[0].url, 'http://localhost:8080/fhir/Patient?_elements=name&_summary=false')
})

t.test('a count is a total without resources', async t => {
  for (const query of ['_summary=count', '_count=0', '_count=0&_summary=true', '_count=0&_total=accurate'])
    t.match((await get(`Patient?${query}`)).json(), { total: 1, entry: undefined }, query)
})

t.test('without documents a page of uploads is less than half as long', async t => {
  await put({ resourceType: 'Patient', id: 'bob' })
  const documents = Array.from({ length: 10 }, (_, index) => {
    const { header, ...rest } = heartRate(60 + index)
    const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-1122334455${10 + index}`
    return upload({ header: { ...header, uuid }, ...rest }, { subject: { reference: 'Patient/bob' } })
  })
  const entry = documents.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: { resourceType: 'Bundle', type: 'batch', entry },
  })
  const length = async (more: string) => (await get(`Observation?subject=Patient/bob${more}`)).body.length
  const [all, part] = [await length(''), await length('&_elements=effective,value')]
  t.ok(part < all / 2, `${part} of ${all}`)
  const {
    entry: [first],
  } = (await get('Observation?subject=Patient/bob&_elements=effective,value')).json()
  t.match(first.resource, {
    effectiveDateTime: '2026-03-01T07:30:00+01:00',
    valueQuantity: { value: 69 },
    status: 'final',
  })
})
