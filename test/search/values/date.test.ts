import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseDate } from '../../../src/search/values/date.ts'

const date = loadRegistry().searchParameter('Observation', 'date')
if (date === undefined) throw new Error('Observation has no date')
const now = new Date('2026-01-11T00:00:00Z')

t.test('an approximate date is widened by a tenth of its distance from now', async t => {
  t.same(parseDate(date, 'ap2025-12-31', now), {
    kind: 'date',
    prefix: 'ap',
    low: '2025-12-30T00:00:00.000Z',
    high: '2026-01-02T00:00:00.000Z',
  })
})

t.test('an approximate date that includes now is not widened', async t => {
  t.match(parseDate(date, 'ap2026-01-11', now), { low: '2026-01-11T00:00:00.000Z', high: '2026-01-12T00:00:00.000Z' })
})

t.test('an approximate date at the end of all years has no bound there', async t => {
  t.has(parseDate(date, 'ap9998', now), { high: 'infinity' })
  t.has(parseDate(date, 'ap9999', now), { high: 'infinity' })
})

t.test('each prefix is kept beside the interval of its date', async t => {
  for (const prefix of ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb']) {
    t.same(parseDate(date, `${prefix}2026`), {
      kind: 'date',
      prefix,
      low: '2026-01-01T00:00:00.000Z',
      high: '2027-01-01T00:00:00.000Z',
    })
  }
})

t.test('what is not a date is refused', async t => {
  for (const text of ['', 'ge', 'today', '2026-13', '2026-1-1', '2026-01-01T25:00:00Z', 'gege2026']) {
    t.throws(() => parseDate(date, text), FhirError, text)
  }
})
