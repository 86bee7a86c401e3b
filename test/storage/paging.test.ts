import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { openSearching } from '../support/searching.ts'

const { server, put, search } = await openSearching()
t.teardown(() => server.close())

await put(
  ...Array.from({ length: 9 }, (_, index) => ({
    resourceType: 'Patient',
    id: `p${index}`,
    ...(index % 4 === 3 ? {} : { name: [{ family: `f${index % 3}` }, { family: `g${index % 2}` }] }),
    ...(index % 3 === 2 ? {} : { birthDate: `198${index % 4}` }),
  })),
)
await put(
  ...Array.from({ length: 5 }, (_, index) => ({
    resourceType: 'Observation',
    id: `o${index}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/p0' },
    ...(index === 2 ? {} : { effectiveDateTime: `2026-03-0${1 + (index % 3)}` }),
  })),
)

const to = (bundle: Bundle, relation: string) =>
  bundle.link?.find(link => link.relation === relation)?.url.replace(/^.*\/fhir\//, '')
const ids = ({ entry = [] }: Bundle) => entry.map(({ resource }) => resource?.id ?? '')
const relations = ({ link = [] }: Bundle) => link.map(({ relation }) => relation).join(' ')

const walk = async (from: Bundle, relation: string): Promise<readonly Bundle[]> => {
  const url = to(from, relation)
  return url === undefined ? [from] : [from, ...(await walk(await search(url), relation))]
}

for (const query of [
  'Patient?_count=2',
  'Patient?_count=2&_sort=family',
  'Patient?_count=2&_sort=family,given',
  'Patient?_count=2&_sort=-family,birthdate',
  'Patient?_count=3&_sort=birthdate,-_id',
  'Patient?_count=4&_sort=-_lastUpdated',
  'Observation?_count=2',
  'Observation?_count=2&_sort=date',
  'Observation?_count=2&_sort=-date',
  'Observation?_count=2&code=8867-4&patient=p0',
])
  t.test(`${query} leads back through the same pages`, async t => {
    const forward = await walk(await search(query), 'next')
    const last = forward.at(-1) ?? { resourceType: 'Bundle', type: 'searchset' }
    const back = await walk(last, 'previous')
    t.strictSame(back.flatMap(page => ids(page).toReversed()).toReversed(), forward.flatMap(ids))
    t.equal(new Set(forward.flatMap(ids)).size, query.startsWith('Patient') ? 9 : 5)
    t.strictSame(ids(await search(to(last, 'first') ?? '')), ids(forward[0] ?? last))
    const again = await walk(back.at(-1) ?? last, 'next')
    t.strictSame(again.flatMap(ids), forward.flatMap(ids), 'and forwards again from there')
  })

t.test('only links that lead somewhere are given', async t => {
  const [first, second, ...others] = await walk(await search('Patient?_count=3'), 'next')
  t.equal(relations(first as Bundle), 'self next')
  t.equal(relations(second as Bundle), 'self first previous next')
  t.equal(relations(others.at(-1) as Bundle), 'self first previous')
  t.equal(relations(await search(to(second as Bundle, 'previous') ?? '')), 'self first next')
  t.equal(relations(await search(to(second as Bundle, 'first') ?? '')), 'self next')
  t.equal(relations(await search('Patient?_count=0')), 'self')
})

t.test('what is written meanwhile does not shift pages', async t => {
  const first = await search('Patient?_count=3')
  const second = await search(to(first, 'next') ?? '')
  await put({ resourceType: 'Patient', id: 'newest' })
  t.strictSame(ids(await search(to(second, 'previous') ?? '')), ids(first))
  t.strictSame(ids(await search(to(first, 'next') ?? '')), ids(second))
  t.strictSame(ids(await search(to(second, 'first') ?? '')), ['newest', ...ids(first).slice(0, 2)])
})
