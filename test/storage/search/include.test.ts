import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { mostIncluded } from '../../../src/storage/search/include.ts'
import { openSearching } from '../../support/searching.ts'

const { server, put, search } = await openSearching()
t.teardown(() => server.close())

const reference = (to: string) => ({ reference: to })
const observation = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  ...more,
})

await put(
  { resourceType: 'Organization', id: 'above', name: 'above' } as never,
  { resourceType: 'Organization', id: 'below', name: 'below', partOf: reference('Organization/above') } as never,
  { resourceType: 'Practitioner', id: 'doc' },
  {
    resourceType: 'Patient',
    id: 'one',
    managingOrganization: reference('Organization/below'),
    generalPractitioner: [reference('Practitioner/doc')],
  } as never,
  { resourceType: 'Patient', id: 'two' },
  { resourceType: 'Device', id: 'cuff' },
  {
    resourceType: 'Questionnaire',
    id: 'form',
    url: 'http://forms.example/form',
    version: '1',
    status: 'active',
  } as never,
)
await put(
  observation('a', {
    subject: reference('Patient/one'),
    effectiveDateTime: '2026-03-01',
    device: reference('Device/cuff'),
    performer: [reference('Patient/one'), reference('Practitioner/doc')],
  }),
  observation('b', {
    subject: reference('Patient/one/_history/1'),
    effectiveDateTime: '2026-03-02',
    derivedFrom: [reference('Observation/a')],
  }),
  observation('c', { subject: reference('Patient/two'), effectiveDateTime: '2026-03-03' }),
  observation('d', { subject: reference('Device/cuff'), effectiveDateTime: '2026-03-04' }),
  observation('e', {
    subject: reference('Patient/nobody'),
    effectiveDateTime: '2026-03-05',
    contained: [{ resourceType: 'Device', id: 'inside' }],
    device: reference('#inside'),
  }),
  {
    resourceType: 'QuestionnaireResponse',
    id: 'answers',
    status: 'completed',
    questionnaire: 'http://forms.example/form|1',
    subject: reference('Patient/two'),
  } as never,
  {
    resourceType: 'Provenance',
    id: 'made',
    target: [reference('Observation/a')],
    recorded: '2026-03-01T00:00:00Z',
    agent: [{ who: reference('Practitioner/doc') }],
  } as never,
)

const marked = ({ entry = [] }: Bundle) =>
  entry.map(({ resource, search: said }) => {
    const id = `${resource?.resourceType}/${resource?.id}`
    return said?.mode === 'match' ? id : `${said?.mode} ${id}`
  })
const answers = async (query: string) => marked(await search(query)).join(', ')
const include = async (query: string) =>
  marked(await search(query))
    .filter(one => one.startsWith('include '))
    .map(one => one.slice('include '.length))
    .sort()
    .join(' ')

t.test('what a match refers to is included, once, after all matches', async t => {
  t.equal(
    await answers('Observation?subject=Patient/one&_include=Observation:subject'),
    'Observation/b, Observation/a, include Patient/one',
  )
  t.equal(await include('Observation?_include=Observation:subject'), 'Device/cuff Patient/one Patient/two')
  t.equal(await include('Observation?_include=Observation:subject:Patient'), 'Patient/one Patient/two')
  t.equal(
    await include('Observation?_include=Observation:subject:Patient&_include=Observation:subject:Device'),
    'Device/cuff Patient/one Patient/two',
  )
  t.equal(await include('Observation?_include=Observation:patient'), 'Patient/one Patient/two')
  t.equal(
    await include('Observation?_id=a&_include=Observation:subject&_include=Observation:device'),
    'Device/cuff Patient/one',
  )
  t.equal(await include('Observation?_id=a&_include=Observation:*'), 'Device/cuff Patient/one Practitioner/doc')
  t.equal(await include('Observation?_id=a&_include=Observation:*:Patient'), 'Patient/one')
  t.equal(await include('Observation?_id=a&_include=*'), 'Device/cuff Patient/one Practitioner/doc')
  t.equal(await include('Observation?_id=e&_include=*'), '', 'neither what is contained nor what does not exist')
})

t.test('a match is never included as well', async t => {
  t.equal(await answers('Observation?_id=a,b&_include=Observation:derived-from'), 'Observation/b, Observation/a')
  t.equal(await include('Observation?_id=b&_include=Observation:derived-from'), 'Observation/a')
  t.equal(await answers('Observation?_id=a,b&_revinclude=Observation:derived-from'), 'Observation/b, Observation/a')
  t.equal(
    await answers('Observation?_id=a&_include=Observation:subject&_revinclude:iterate=Observation:subject'),
    'Observation/a, include Patient/one, include Observation/b',
    'nor as one of the Observations of a Patient who comes along',
  )
  t.equal(await include('Organization?_include:iterate=Organization:partof'), '')
})

t.test('what refers to a match is included', async t => {
  t.equal(await include('Patient?_revinclude=Observation:subject'), 'Observation/a Observation/b Observation/c')
  t.equal(await include('Patient?_id=one&_revinclude=Observation:patient'), 'Observation/a Observation/b')
  t.equal(await include('Patient?_id=one&_revinclude=Observation:performer'), 'Observation/a')
  t.equal(await include('Patient?_id=two&_revinclude=*'), 'Observation/c QuestionnaireResponse/answers')
  t.equal(await include('Device?_revinclude=Observation:subject'), 'Observation/d')
  t.equal(await include('Device?_revinclude=Observation:*'), 'Observation/a Observation/d')
  t.equal(await include('Observation?_id=a,b&_revinclude=Provenance:target'), 'Provenance/made')
  t.equal(
    await answers('Patient?_id=one&_revinclude=Observation:subject'),
    'Patient/one, include Observation/b, include Observation/a',
    'the newest first',
  )
})

t.test('a canonical leads both ways', async t => {
  t.equal(await include('QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire'), 'Questionnaire/form')
  t.equal(
    await include('Questionnaire?_revinclude=QuestionnaireResponse:questionnaire'),
    'QuestionnaireResponse/answers',
  )
})

t.test('a match to which a canonical leads is not included as well', async t => {
  const url = 'http://libraries.example/base'
  const library = { resourceType: 'Library', status: 'active', type: { text: 'x' } }
  await put(
    { ...library, id: 'base', url } as never,
    { ...library, id: 'above', relatedArtifact: [{ type: 'depends-on', resource: url }] } as never,
  )
  t.equal(await include('Library?_id=above&_include=Library:depends-on'), 'Library/base')
  t.equal(await include('Library?_id=above,base&_include=Library:depends-on'), '')
})

t.test('a reference to a version leads back like one without', async t => {
  await put(observation('by-first', { performer: [reference('Practitioner/doc/_history/1')] }))
  t.equal(await include('Practitioner?_id=doc&_revinclude=Observation:performer'), 'Observation/a Observation/by-first')
})

t.test('a canonical with a version leads to that version only, and back', async t => {
  const url = 'http://forms.example/versioned'
  const form = (id: string, version?: string) => ({
    ...{ resourceType: 'Questionnaire', id, url, status: 'active', ...(version !== undefined && { version }) },
  })
  const answers = (id: string, questionnaire: string) => ({
    ...{ resourceType: 'QuestionnaireResponse', id, status: 'completed', questionnaire },
  })
  await put(form('v1', '1'), form('v3', '3'), form('bare'))
  await put(
    answers('to-1', `${url}|1`),
    answers('to-2', `${url}|2`),
    answers('to-3', `${url}|3`),
    answers('to-any', url),
  )
  const forms = (id: string) => include(`QuestionnaireResponse?_id=${id}&_include=QuestionnaireResponse:questionnaire`)
  t.equal(await forms('to-1'), 'Questionnaire/v1')
  t.equal(await forms('to-2'), '')
  t.equal(await forms('to-any'), 'Questionnaire/bare Questionnaire/v1 Questionnaire/v3')
  const back = (id: string) => include(`Questionnaire?_id=${id}&_revinclude=QuestionnaireResponse:questionnaire`)
  t.equal(await back('v1'), 'QuestionnaireResponse/to-1 QuestionnaireResponse/to-any')
  t.equal(await back('bare'), 'QuestionnaireResponse/to-any')
  const ids = async (query: string) =>
    ((await search(query)).entry ?? [])
      .map(({ resource }) => resource?.id)
      .sort()
      .join(' ')
  t.equal(await ids('QuestionnaireResponse?_id=to-1,to-2,to-3,to-any&questionnaire.version=1'), 'to-1 to-any')
  t.equal(await ids('QuestionnaireResponse?_id=to-1,to-2,to-3&questionnaire.status=active'), 'to-1 to-3')
  t.equal(await ids('Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=to-1,to-2'), 'v1')
  t.equal(await ids('Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=to-any'), 'bare v1 v3')
})

t.test('without :iterate, references of matches alone are followed, also to their own type', async t => {
  const derived = (id: string, from: string) => observation(id, { derivedFrom: [reference(`Observation/${from}`)] })
  await put(derived('once', 'a'), derived('twice', 'once'))
  t.equal(await include('Observation?_id=twice&_include=Observation:derived-from'), 'Observation/once')
  t.equal(await include('Observation?_id=a&_revinclude=Observation:derived-from'), 'Observation/b Observation/once')
  t.equal(
    await include('Observation?_id=twice&_include:iterate=Observation:derived-from'),
    'Observation/a Observation/once',
  )
  t.equal(
    await include('Observation?_id=a&_revinclude:iterate=Observation:derived-from'),
    'Observation/b Observation/once Observation/twice',
  )
})

t.test('with :iterate, references of included resources are followed', async t => {
  const query = 'Observation?_id=a&_include=Observation:subject'
  t.equal(await include(`${query}&_include:iterate=Patient:organization`), 'Organization/below Patient/one')
  t.equal(
    await include(`${query}&_include:iterate=Patient:organization&_include:iterate=Organization:partof`),
    'Organization/above Organization/below Patient/one',
  )
  t.equal(
    await include(`${query}&_include:recurse=Patient:organization`),
    'Organization/below Patient/one',
    'as STU3 called it',
  )
  t.equal(
    await include('Observation?_id=b&_include:iterate=*'),
    'Device/cuff Observation/a Organization/above Organization/below Patient/one Practitioner/doc',
  )
  t.equal(
    await include('Organization?_id=below&_revinclude=Patient:organization&_revinclude:iterate=Observation:subject'),
    'Observation/a Observation/b Patient/one',
  )
})

t.test('each page includes what its own matches refer to', async t => {
  const pages: (readonly string[])[] = []
  for (let url: string | undefined = 'Observation?_id=a,b,c&_count=1&_include=Observation:subject'; url; ) {
    const page: Bundle = await search(url)
    pages.push(marked(page))
    url = page.link?.find(({ relation }) => relation === 'next')?.url.replace(/^.*\/fhir\//, '')
  }
  t.strictSame(pages, [
    ['Observation/c', 'include Patient/two'],
    ['Observation/b', 'include Patient/one'],
    ['Observation/a', 'include Patient/one'],
  ])
})

t.test('the self link says what was applied', async t => {
  const { link } = await search('Observation?_id=a&_include:iterate=Observation:subject:Patient&_revinclude=*')
  t.equal(
    link?.[0]?.url,
    'http://localhost:8080/fhir/Observation?_id=a&_include%3Aiterate=Observation%3Asubject%3APatient&_revinclude=*',
  )
})

t.test('more than a page takes is cut off, and the answer says so', async t => {
  const many = Array.from({ length: mostIncluded + 1 }, (_, index) =>
    observation(`many-${index}`, { subject: reference('Patient/busy'), effectiveDateTime: '2026-01-01' }),
  )
  await put({ resourceType: 'Patient', id: 'busy' })
  await put(...many)
  const all = await search('Patient?_id=busy&_revinclude=Observation:subject')
  t.equal(all.entry?.filter(one => one.search?.mode === 'include').length, mostIncluded)
  t.match(all.entry?.[0], {
    search: { mode: 'outcome' },
    resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'information', code: 'incomplete' }] },
  })
  await server.inject({
    method: 'DELETE',
    url: '/fhir/Observation/many-0',
    headers: { authorization: 'Bearer everything' },
  })
  const rest = await search('Patient?_id=busy&_revinclude=Observation:subject')
  t.equal(rest.entry?.length, mostIncluded + 1, 'exactly as many as a page takes are all of them')
})
