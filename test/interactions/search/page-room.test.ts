import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { entriesNow } from '../../../src/interactions/async/async-match.ts'
import { roomOfPage } from '../../../src/search/room.ts'
import type { Page, Stored } from '../../../src/storage/store.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { longTexts } from '../../support/long-texts.ts'

const { server } = await fhirWorld()
t.teardown(() => server.close())
t.setTimeout(180_000)
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const get = async (url: string): Promise<Bundle> => {
  const answer = await server.inject({ url: url.slice(url.indexOf('/fhir')), headers })
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body.slice(0, 500)}`)
  return answer.json()
}
/** The ids of each page, and the messages beside them. */
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

const third = Math.floor(roomOfPage / 3)
const code = { coding: longTexts(third).map(display => ({ display })) }
const put = async (resource: Resource) => {
  const url = `/fhir/${resource.resourceType}/${resource.id}`
  const answer = await server.inject({ method: 'PUT', url, headers, payload: JSON.stringify(resource) })
  if (answer.statusCode >= 300) throw new Error(answer.body.slice(0, 500))
}
await put({
  resourceType: 'Patient',
  id: 'ann',
  text: { status: 'generated', div: `<div>${'x'.repeat(2 * third)}</div>` },
})
for (const id of ['one', 'two', 'three'])
  await put({ resourceType: 'Basic', id, code, subject: { reference: 'Patient/ann' } })

t.test('a page ends before it is longer than a page may be, and its next link continues there', async t => {
  t.same(await pagesOf('Basic'), [
    { ids: ['three', 'two'], told: [] },
    { ids: ['one'], told: [] },
  ])
})

t.test('as lines they all come', async t => {
  const lines = await server.inject({ url: '/fhir/Basic', headers: { ...headers, accept: 'application/fhir+ndjson' } })
  t.same(
    lines.body
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).id),
    ['three', 'two', 'one'],
  )
})

t.test('included resources for which there is no room are reported as missing, and the matches are there', async t => {
  t.same(await pagesOf('Basic?_include=Basic:subject'), [
    { ids: ['three'], told: ['incomplete'] },
    { ids: ['two'], told: ['incomplete'] },
    { ids: ['one'], told: ['incomplete'] },
  ])
})

t.test('everything in a record comes, page by page', async t => {
  const pages = await pagesOf('Patient/ann/$everything')
  t.same(
    pages.flatMap(({ ids }) => ids),
    ['ann', 'three', 'two', 'one'],
  )
  t.ok(pages.length > 2)
})

t.test('for a later answer everything that a search found is read again, however many pages that takes', async t => {
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

t.test('a page of a history ends likewise, whatever it is of', async t => {
  for (const [day, id] of ['one', 'two', 'one', 'one'].entries())
    await put({ resourceType: 'Basic', id, code, created: `2026-01-0${day + 1}` })
  await server.inject({ method: 'DELETE', url: '/fhir/Basic/two', headers })
  const idsOf = async (path: string) => (await pagesOf(path)).map(({ ids }) => ids)
  t.same(await idsOf('Basic/one/_history'), [
    ['one', 'one'],
    ['one', 'one'],
  ])
  const gone = ''
  t.same(await idsOf('Basic/two/_history'), [[gone, 'two', 'two']])
  t.same(await idsOf('Basic/_history?_count=1000'), [[gone, 'one', 'one'], ['two', 'one'], ['three', 'two'], ['one']])
})

t.test('an answer without pages is refused if it would be longer', async t => {
  for (const code of ['8867-4', '9279-1', '8310-5'])
    await put({
      resourceType: 'Observation',
      id: `of-${code}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code }] },
      subject: { reference: 'Patient/ann' },
      effectiveDateTime: '2026-01-01T08:00:00Z',
      note: longTexts(third).map(text => ({ text })),
    })
  const ask = (query: string) => server.inject({ url: `/fhir/Observation/$lastn?patient=Patient/ann${query}`, headers })
  const all = await ask('')
  t.equal(all.statusCode, 422)
  t.match(all.json().issue, [{ code: 'too-costly', diagnostics: /over 33554432 characters.*fewer codes/ }])
  const two: Bundle = (await ask('&code=8867-4,9279-1')).json()
  t.same(two.entry?.map(({ resource }) => resource?.id).sort(), ['of-8867-4', 'of-9279-1'])
})
