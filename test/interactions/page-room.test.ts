import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { entriesNow } from '../../src/interactions/async-match.ts'
import { roomOfPage } from '../../src/search/room.ts'
import type { Page, Stored } from '../../src/storage/store.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server } = await fhirWorld()
t.teardown(() => server.close())
t.setTimeout(180_000)
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const get = async (url: string): Promise<Bundle> => {
  const answer = await server.inject({ url: url.slice(url.indexOf('/fhir')), headers })
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body.slice(0, 500)}`)
  return answer.json()
}
/** The ids of each page, and what is told beside them. */
const pagesOf = async (query: string) => {
  const pages: { ids: readonly string[]; told: readonly string[] }[] = []
  for (let url: string | undefined = `/fhir/${query}`; url !== undefined; ) {
    const { entry = [], link = [] }: Bundle = await get(url)
    pages.push({
      ids: entry.filter(({ search }) => search?.mode !== 'outcome').map(({ resource }) => resource?.id ?? ''),
      told: entry
        .filter(({ search }) => search?.mode === 'outcome')
        .map(({ resource }) => (resource as OperationOutcome).issue[0]?.code ?? ''),
    })
    url = link.find(({ relation }) => relation === 'next')?.url
  }
  return pages
}

const third = 'x'.repeat(Math.floor(roomOfPage / 3))
const put = async (resource: Resource) => {
  const url = `/fhir/${resource.resourceType}/${resource.id}`
  const answer = await server.inject({ method: 'PUT', url, headers, payload: JSON.stringify(resource) })
  if (answer.statusCode !== 201) throw new Error(answer.body.slice(0, 500))
}
await put({ resourceType: 'Patient', id: 'ann', text: { status: 'generated', div: `<div>${third}${third}</div>` } })
for (const id of ['one', 'two', 'three'])
  await put({ resourceType: 'Basic', id, code: { text: third }, subject: { reference: 'Patient/ann' } })

t.test('a page ends before it is longer than a page may be, and its next link goes on there', async t => {
  t.same(await pagesOf('Basic'), [
    { ids: ['three', 'two'], told: [] },
    { ids: ['one'], told: [] },
  ])
})

t.test('as lines all of them come', async t => {
  const lines = await server.inject({ url: '/fhir/Basic', headers: { ...headers, accept: 'application/fhir+ndjson' } })
  t.same(
    lines.body
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).id),
    ['three', 'two', 'one'],
  )
})

t.test('what there is no room to include is told to be missing, and what matches is there', async t => {
  t.same(await pagesOf('Basic?_include=Basic:subject'), [
    { ids: ['three'], told: ['incomplete'] },
    { ids: ['two'], told: ['incomplete'] },
    { ids: ['one'], told: ['incomplete'] },
  ])
})

t.test('all that is in a record comes, page by page', async t => {
  const pages = await pagesOf('Patient/ann/$everything')
  t.same(
    pages.flatMap(({ ids }) => ids),
    ['ann', 'three', 'two', 'one'],
  )
  t.ok(pages.length > 2)
})

t.test('of what a search had found all is read again, however many pages that takes', async t => {
  const stored = (id: string): Stored => ({
    type: 'Basic',
    id,
    versionId: '1',
    lastUpdated: new Date(0),
    content: JSON.stringify({ resourceType: 'Basic', id }),
    patientId: 0,
  })
  const pages: Readonly<Record<string, Page>> = {
    first: { entries: [stored('b')], included: [], leftOut: false, next: 'second' },
    second: { entries: [stored('a')], included: [], leftOut: false },
  }
  const store = { search: async ({ cursor = 'first' }) => pages[cursor] } as never
  const text = JSON.stringify({ ids: ['a', 'b'], told: [] })
  const entries = await entriesNow(text, 'Basic?code=x', { store, registry: loadRegistry(), base: 'http://here/fhir' })
  t.same(
    entries.map(one => JSON.parse(one).resource.id),
    ['a', 'b'],
  )
})
