import t from 'tap'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { narrowToTypes } from '../../src/search/several-types.ts'

const registry = loadRegistry()
const types = ['Patient', 'Observation', 'Binary'] as const
const narrowed = (query: string, isNamed: boolean, handling: 'strict' | 'lenient' = 'strict') => {
  const found = narrowToTypes(registry, new URLSearchParams(query), { types, isNamed, handling })
  return { ...found, query: String(found.query) }
}

t.test('if no types are named, those without a parameter that all resources share are left out', async t => {
  t.strictSame(narrowed('_text=rash&_count=5', false), {
    types: ['Patient', 'Observation'],
    query: '_text=rash&_count=5',
    ignored: [],
  })
  t.strictSame(narrowed('_id=a&_has:Provenance:target:_id=b', true), {
    types,
    query: '_id=a&_has%3AProvenance%3Atarget%3A_id=b',
    ignored: [],
  })
})

t.test('a parameter that not every named type has is refused, or without names one that only a few have', async t => {
  t.throws(() => narrowed('_text=rash', true), /"_text" is no search parameter of all of Patient, Observation, Binary/)
  t.throws(() => narrowed('code=a', true), /"code" is no search parameter of all of Patient, Observation, Binary/)
  t.throws(
    () => narrowed('code=a', false),
    /"code" is no search parameter of all types: name in _type those that have it/,
  )
})

t.test('with lenient handling such a parameter is ignored, and named once', async t => {
  t.strictSame(narrowed('code=a&code=b&_id=c&_type=Patient', false, 'lenient'), {
    types,
    query: '_id=c',
    ignored: ['code'],
  })
  t.throws(() => narrowed('_query=x&_id=c', false, 'lenient'), /"_query" is no search parameter of all types/)
  t.throws(() => narrowed('code=a&_query=x', true, 'lenient'), /"_query" is no search parameter of all of/)
  t.strictSame(narrowed('_text=rash', true, 'lenient'), { types, query: '', ignored: ['_text'] })
})
