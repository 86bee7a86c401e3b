import t from 'tap'
import { openSearching } from '../../support/searching.ts'

const { server, put, ordered } = await openSearching()
t.teardown(() => server.close())

const loinc = 'http://loinc.org'
const coded = (code: string) => ({ coding: [{ system: loinc, code }] })
const millimeters = (value: number) => ({
  value,
  unit: 'mmHg',
  system: 'http://unitsofmeasure.org',
  code: 'mm[Hg]',
})
const pressure = (id: string, day: string, ...systolic: readonly number[]) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: coded('85354-9'),
  effectiveDateTime: day,
  component: systolic.map(value => ({ code: coded('8480-6'), valueQuantity: millimeters(value) })),
})
await put(
  pressure('low', '2026-01-01', 110),
  pressure('twice', '2026-01-03', 160, 170),
  pressure('once', '2026-01-02', 120, 180),
  {
    resourceType: 'Observation',
    id: 'alone',
    status: 'final',
    code: coded('8480-6'),
    effectiveDateTime: '2026-01-04',
    valueQuantity: millimeters(190),
  } as never,
)

/** Newest first, page after page, each Observation once, however many of its components match. */
const cases: Readonly<Record<string, readonly string[]>> = {
  [`component-code=${loinc}|8480-6`]: ['twice', 'once', 'low'],
  [`component-code-value-quantity=${loinc}|8480-6$gt150`]: ['twice', 'once'],
  [`component-code-value-quantity=${loinc}|8480-6$gt175`]: ['once'],
  [`component-code-value-quantity=${loinc}|8480-6$lt150`]: ['once', 'low'],
  [`component-code=${loinc}|8480-6&component-code-value-quantity=${loinc}|8480-6$gt150`]: ['twice', 'once'],
  [`component-code=${loinc}|8480-6&code=${loinc}|85354-9&date=ge2026-01-02`]: ['twice', 'once'],
  [`code-value-quantity=${loinc}|8480-6$gt150`]: ['alone'],
  [`combo-code-value-quantity=${loinc}|8480-6$gt150`]: ['alone', 'twice', 'once'],
}
for (const [query, expected] of Object.entries(cases))
  for (const count of ['', '&_count=1'])
    t.test(query + count, async t => t.strictSame(await ordered(`Observation?${query}${count}`), expected))

t.test('a total counts each Observation once', async t => {
  const { headers, url } = {
    headers: { authorization: 'Bearer everything' },
    url: `/fhir/Observation?component-code=${encodeURIComponent(`${loinc}|8480-6`)}&_total=accurate`,
  }
  t.equal((await server.inject({ url, headers })).json().total, 3)
})
