import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { issueToken } from '../../src/storage/authorization/token.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, put, search, ordered, found } = await openSearching()
t.teardown(() => server.close())

const stored = (resourceType: string, id: string, more: object = {}) => ({ resourceType, id, ...more })
const observation = (id: string, subject: string, more: object = {}) =>
  stored('Observation', id, { status: 'final', code: { text: 'x' }, subject: { reference: subject }, ...more })
const patient = { reference: 'Patient/ann' }

await put(
  stored('Patient', 'ann', { link: [{ other: { reference: 'Patient/bob' }, type: 'seealso' }] }),
  stored('Patient', 'bob', { link: [{ other: patient, type: 'seealso' }] }),
  stored('Practitioner', 'doc'),
  stored('Device', 'band'),
  stored('Location', 'ward'),
  stored('RelatedPerson', 'kin', { patient }),
  stored('Encounter', 'visit', { status: 'finished', class: { code: 'AMB' }, subject: patient }),
  observation('own', 'Patient/ann', { device: { reference: 'Device/band' }, effectiveDateTime: '2026-01-01' }),
  observation('told', 'Patient/bob', { performer: [patient, { reference: 'Practitioner/doc' }] }),
  observation('seen', 'Patient/bob', {
    encounter: { reference: 'Encounter/visit' },
    performer: [{ reference: 'RelatedPerson/kin' }],
  }),
  observation('of-ward', 'Location/ward'),
  observation('of-band', 'Device/band'),
  stored('Condition', 'ache', { subject: patient, asserter: { reference: 'Practitioner/doc' } }),
)

const get = (url: string, more: object = {}) =>
  server.inject({ url: `/fhir/${url}`, headers: { authorization: 'Bearer everything' }, ...more })
const post = (url: string, payload: string) => {
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/x-www-form-urlencoded' }
  return server.inject({ method: 'POST', url: `/fhir/${url}`, headers, payload })
}
const typesAndIds = ({ entry = [] }: Bundle) => entry.map(({ resource }) => `${resource?.resourceType}/${resource?.id}`)

t.test('a type in a compartment is found by each parameter of its definition', async t => {
  t.equal(await found('Patient/ann/Observation'), 'own told')
  t.equal(await found('Patient/ann/Observation?code:missing=false&date=2026'), 'own')
  t.equal(await found('Patient/ann/Patient'), 'ann bob')
  t.equal(await found('Patient/ann/RelatedPerson'), 'kin')
  t.equal(await found('Practitioner/doc/Observation'), 'told')
  t.equal(await found('Practitioner/doc/Condition'), 'ache')
  t.equal(await found('Device/band/Observation'), 'of-band own')
  t.equal(await found('Encounter/visit/Observation'), 'seen')
  t.equal(await found('RelatedPerson/kin/Observation'), 'seen')
  t.equal(await found('Patient/nobody/Observation'), '')
})

t.test('a compartment can be searched by POST as well, counted, and paged by its own links', async t => {
  t.same(typesAndIds((await post('Patient/ann/Observation/_search', '_id=own')).json()), ['Observation/own'])
  t.match(await search('Patient/ann/Observation?_summary=count'), { total: 2 })
  const first = await search('Patient/ann/Observation?_count=1')
  t.match(first.link, [
    { relation: 'self', url: /\/fhir\/Patient\/ann\/Observation\?_count=1$/ },
    { url: /\/fhir\/Patient\/ann\/Observation\?_cursor=/ },
  ])
  t.same([...(await ordered('Patient/ann/Observation?_count=1'))].sort(), ['own', 'told'])
})

t.test('everything in a compartment comes type by type', async t => {
  const all = [
    'Condition/ache',
    'Encounter/visit',
    'Observation/own',
    'Observation/told',
    'Patient/bob',
    'Patient/ann',
    'RelatedPerson/kin',
  ]
  t.same(typesAndIds(await search('Patient/ann/*')), all)
  t.same(typesAndIds(await search('Patient/ann/*?_type=Observation,Condition')), [
    'Observation/own',
    'Observation/told',
    'Condition/ache',
  ])
  t.same(typesAndIds((await post('Patient/ann/_search', '_id=own,ache')).json()), ['Condition/ache', 'Observation/own'])
  t.equal((await ordered('Patient/ann/*?_count=2')).length, all.length)
})

t.test('what is not a compartment, or not in it, is not found', async t => {
  t.match((await get('Patient/ann/Location')).json(), {
    issue: [{ code: 'not-found', diagnostics: /no Location is in the compartment of a Patient$/ }],
  })
  t.match((await get('Location/ward/Observation')).json(), {
    issue: [{ code: 'not-found', diagnostics: /the compartments are those of Patient, Device/ }],
  })
  t.equal((await get('Patient/ann/Nothing')).statusCode, 404)
  t.equal((await get('Patient/ann/*?_type=Location')).statusCode, 400)
  const posted = await get('Patient/ann/Observation', { method: 'POST' })
  t.match(posted, { statusCode: 405, headers: { allow: 'GET' } })
})

t.test('several types are searched in one request, one after another', async t => {
  t.same(typesAndIds(await search('?_type=Patient,Device&_id=ann,band,own')), ['Patient/ann', 'Device/band'])
  t.same(typesAndIds(await search('?_id=own,ache,kin')), ['Condition/ache', 'Observation/own', 'RelatedPerson/kin'])
  t.same(typesAndIds((await post('_search', '_type=Condition,Observation&subject=Patient/ann')).json()), [
    'Condition/ache',
    'Observation/own',
  ])
  t.match(await search('?_type=Patient,Device&_total=accurate&_count=1'), { total: 3 })
  t.match(await search('?_type=Patient,Device,Observation&_summary=count'), { total: 8 })
})

t.test('pages of several types continue where the page before ended, even between two types', async t => {
  for (const count of [1, 2, 3, 4, 5])
    t.strictSame(
      [...(await ordered(`?_type=Patient,Device,Condition,Encounter&_count=${count}`))].sort(),
      ['ache', 'ann', 'band', 'bob', 'visit'],
      String(count),
    )
  const { link } = await search('?_type=Patient,Device&_count=2')
  t.match(link, [{ relation: 'self', url: /\/fhir\?_type=Patient%2CDevice&_count=2$/ }, { url: /\/fhir\?_cursor=/ }])
  const last = await search('?_type=Patient,Device&_count=3')
  t.same(
    last.link?.map(({ relation }) => relation),
    ['self'],
  )
})

t.test('several types can only be searched by what they have in common', async t => {
  const refused: Readonly<Record<string, RegExp>> = {
    '_type=Patient,Observation&code=x': /^"code" is no search parameter of all of Patient, Observation$/,
    'code=x': /^"code" is no search parameter of all types: name in _type those that have it; accepted without: _id, /,
    '_type=Nothing': /^"Nothing" is not a resource type of FHIR R4$/,
    '_type=Patient&_type=Device': /^"_type" is given more than once/,
    '_type=Patient,Device&_sort=_id': /_sort needs a single one in _type$/,
  }
  for (const [query, expected] of Object.entries(refused)) {
    const answer = await get(`?${query}`)
    t.equal(answer.statusCode, 400, query)
    t.match(answer.json().issue[0].diagnostics, expected, query)
  }
  const lenient = await get('?_type=Patient,Device&code=x&_id=ann', {
    headers: { authorization: 'Bearer everything', prefer: 'handling=lenient' },
  })
  t.same(
    lenient.json().entry.map(({ search }: { search: { mode: string } }) => search.mode),
    ['outcome', 'match'],
  )
})

t.test('with several types, what any of them refers to or is referred to by is included', async t => {
  const modes = async (query: string) =>
    ((await search(query)).entry ?? []).map(({ resource, search }) => `${search?.mode} ${resource?.id}`)
  t.same(await modes('?_type=Encounter,Observation&_id=own,visit&_include=Observation:device'), [
    'match visit',
    'match own',
    'include band',
  ])
  t.same(
    await modes('?_type=Observation,Encounter&_id=seen,visit&_include=Encounter:subject:Patient&_total=accurate'),
    ['match seen', 'match visit', 'include ann'],
  )
  t.same(await modes('?_type=Patient,Encounter&_id=bob,visit&_revinclude=Observation:encounter'), [
    'match bob',
    'match visit',
    'include seen',
  ])
  t.same(await modes('Patient/ann/*?_type=Observation,Encounter&_include=Observation:performer:Practitioner'), [
    'match own',
    'match told',
    'match visit',
    'include doc',
  ])
  t.same(await modes('?_id=own&_include=Observation:device'), ['match own', 'include band'])
  for (const query of [
    '_type=Patient,Encounter&_include=Observation:device',
    '_type=Patient,Device&_revinclude=Observation:encounter',
  ]) {
    const refused = await get(`?${query}`)
    t.match([refused.statusCode, refused.json().issue[0].diagnostics], [400, /finds nothing here/], query)
  }
})

t.test('with several types, _elements applies to each type that has the element', async t => {
  const { entry = [] } = await search('?_type=Patient,Observation&_id=ann,own&_elements=link,effective')
  t.same(
    entry.map(({ resource }) =>
      Object.keys(resource ?? {})
        .sort()
        .join(' '),
    ),
    ['id link meta resourceType', 'code effectiveDateTime id meta resourceType status'],
  )
  const refused = await get('?_type=Patient,Observation&_elements=id,device,nonsense')
  t.match([refused.statusCode, refused.json().issue[0].diagnostics], [400, 'No type here has an element "nonsense"'])
})

t.test('a type that the caller may not search is refused if named, and left out otherwise', async t => {
  const headers = { authorization: 'Bearer reader' }
  t.equal((await get('?_type=Patient', { headers })).statusCode, 403)
  t.same(typesAndIds((await get('?_id=ann', { headers })).json()), [])
})

t.test('nobody is in the compartment of a resource that the caller may not read', async t => {
  const idsFor = async (scope: string) => {
    const request = {
      subject: { kind: 'client' },
      client: 'importer',
      policies: ['everything'],
      ttlSeconds: 60,
    } as const
    const headers = { authorization: `Bearer ${await issueToken(database, { ...request, scope })}` }
    return typesAndIds((await get('Patient/ann/Observation', { headers })).json()).sort()
  }
  t.same(await idsFor('system/Observation.rs system/Patient.rs'), ['Observation/own', 'Observation/told'])
  t.same(await idsFor('system/Observation.rs'), [])
  t.same(await idsFor('system/Observation.rs system/Patient.rs?gender=male'), [])
})

t.test('several types come as lines too, over more than one page', async t => {
  const headers = { authorization: 'Bearer everything', accept: 'application/fhir+ndjson' }
  const { body } = await get('?_type=Patient,Device,Condition', { headers })
  const lines = body.trimEnd().split('\n')
  t.same(
    lines.map(line => JSON.parse(line).id),
    ['bob', 'ann', 'band', 'ache'],
  )
})

t.test('what belongs to another resource of the same id is not in the compartment', async t => {
  await put(
    stored('Location', 'ann'),
    stored('Practitioner', 'ann'),
    observation('of-namesakes', 'Location/ann', { performer: [{ reference: 'Practitioner/ann' }] }),
  )
  t.equal(await found('Practitioner/ann/Observation'), 'of-namesakes')
  t.equal(await found('Patient/ann/Observation?_id=of-namesakes'), '')
})
