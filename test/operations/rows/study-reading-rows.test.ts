import t from 'tap'
import { parseJson } from '../../../src/fhir/json.ts'
import { csv } from '../../../src/operations/rows/csv.ts'
import { readingColumns, rowsOf } from '../../../src/operations/rows/study-reading-rows.ts'

const code = { coding: [{ system: 'http://loinc.org', code: '85354-9', display: 'Blood pressure' }] }
const observation = {
  resourceType: 'Observation',
  id: 'one',
  status: 'final',
  code,
  subject: { reference: 'Patient/ann' },
}
const nameKind = (system: string | undefined, code: string) =>
  system === 'http://loinc.org' && code === '8480-6' ? 'systolic pressure' : undefined
const personOf = (reference: string) =>
  reference === 'Patient/ann' ? { patient: 'ann', codes: ['S-1', 'S-9'] } : { patient: undefined, codes: [] }
/** Lines of the table: the Observation with `more`, which is JSON as it is stored. */
const lines = (more: string): readonly string[] => {
  const text = JSON.stringify(observation).replace(/\}$/, more === '' ? '}' : `,${more}}`)
  const rows = rowsOf(parseJson(text) as Parameters<typeof rowsOf>[0], { nameKind, personOf })
  return csv(rows.map(row => readingColumns.map(column => row[column])))
    .trimEnd()
    .split('\r\n')
    .map(line => line.replace(/,"S-1, S-9"$/, ''))
}
const own = 'one,ann,http://loinc.org|85354-9,Blood pressure'

t.test('a reading is a row, with its number and unit', async t => {
  const more = `"device":{"reference":"Device/cuff"},"valueQuantity":{"value":1.5,"code":"h"},
    "effectivePeriod":{"start":"2026-03-01T22:00:00Z","end":"2026-03-02T06:00:00Z"}`
  t.strictSame(lines(more), [`${own},2026-03-01T22:00:00Z,2026-03-02T06:00:00Z,1.5,h,Device/cuff,final,,`])
})

t.test('a reading with several times lasts from the first to the last of them', async t => {
  const more = `"effectiveTiming":{"event":["2026-03-02T06:00:00Z","2026-03-01T22:00:00Z"]}`
  t.strictSame(lines(more), [`${own},2026-03-01T22:00:00Z,2026-03-02T06:00:00Z,,,,final,,`])
})

t.test('a reading with several numbers has a row for each', async t => {
  const part = (name: string, value: number) => ({ code: { text: name }, valueQuantity: { value, unit: 'mmHg' } })
  t.strictSame(lines(`"component":${JSON.stringify([part('systolic', 120), part('diastolic', 80)])}`), [
    'one,ann,,systolic,,,120,mmHg,,final,,',
    'one,ann,,diastolic,,,80,mmHg,,final,,',
  ])
})

t.test('a part without a name is named by its kind, or not at all if that is unknown', async t => {
  const part = (code: string) => ({ code: { coding: [{ code: 'own' }, { system: 'http://loinc.org', code }] } })
  t.strictSame(lines(`"component":${JSON.stringify(['8480-6', '8462-4'].map(part))}`), [
    'one,ann,own,systolic pressure,,,,,,final,,',
    'one,ann,own,,,,,,,final,,',
  ])
})

t.test('a reading with a number of its own and components has a row for each', async t => {
  const component = [{ code: { text: 'count' }, valueInteger: 9 }]
  t.strictSame(lines(`"valueQuantity":{"value":64,"code":"/min"},"component":${JSON.stringify(component)}`), [
    `${own},,,64,/min,,final,,`,
    'one,ann,,count,,,9,,,final,,',
  ])
})

t.test('a value that is not a number is its text, and a reading without a value has a row nevertheless', async t => {
  for (const [more, value] of [
    ['"valueString":"well"', 'well'],
    ['"valueInteger":3', '3'],
    ['"valueInteger":-3', '-3'],
    ['"valueBoolean":false', 'false'],
    ['"valueCodeableConcept":{"text":"Walking"}', 'Walking'],
    ['"valueTime":"10:00:00"', '10:00:00'],
    ['', ''],
  ] as const)
    t.strictSame(lines(more), [`${own},,,${value},,,final,,`])
})

t.test('a number has the digits with which it was sent, and its comparator', async t => {
  for (const [quantity, value] of [
    ['{"value":5.50}', '5.50'],
    ['{"value":80.1000000000000000001}', '80.1000000000000000001'],
    ['{"value":-0.2}', '-0.2'],
    ['{"value":40,"comparator":"<"}', '< 40'],
  ])
    t.strictSame(lines(`"valueQuantity":${quantity}`), [`${own},,,${value},,,final,,`])
})

t.test('a data series is in the table as its SampledData', async t => {
  const more =
    '"valueSampledData":{"origin":{"value":0,"unit":"beats/min"},"period":1000,"dimensions":1,"data":"60 61"}'
  const data = more.slice('"valueSampledData":'.length).replaceAll('"', '""')
  t.strictSame(lines(more), [`${own},,,"${data}",beats/min,,final,,`])
})

t.test('statistics are marked', async t => {
  const said = { url: 'statistic', valueCodeableConcept: { text: 'maximum' } }
  const url = 'https://sharewell.dev/fhir/StructureDefinition/descriptive-statistic'
  const extension = JSON.stringify([{ url, extension: [said] }])
  t.strictSame(lines(`"extension":${extension},"valueQuantity":{"value":180,"unit":"beats/min"}`), [
    `${own},,,180,beats/min,,final,maximum,`,
  ])
})

t.test('the reason for a missing value is shown, for a part and for the whole of several, too', async t => {
  const absent = (text: string) => `"dataAbsentReason":{"text":"${text}"}`
  t.strictSame(lines(absent('not performed')), [`${own},,,,,,final,,not performed`])
  t.strictSame(lines(`${absent('error')},"component":[{"code":{"text":"systolic"},${absent('asked, not known')}}]`), [
    `${own},,,,,,final,,error`,
    'one,ann,,systolic,,,,,,final,,"asked, not known"',
  ])
})

t.test(
  'each row has the Patient that the study enrolled, and ends with the codes by which it knows the person',
  async t => {
    const reading = parseJson(JSON.stringify(observation)) as Parameters<typeof rowsOf>[0]
    t.match(rowsOf(reading, { nameKind, personOf }), [{ patient: 'ann', study_code: 'S-1, S-9' }])
    const another = () => ({ patient: 'annie', codes: ['S-2'] })
    t.match(rowsOf(reading, { nameKind, personOf: another }), [{ patient: 'annie', study_code: 'S-2' }])
    const unknown = () => ({ patient: undefined, codes: [] })
    t.match(rowsOf(reading, { nameKind, personOf: unknown }), [{ patient: 'ann', study_code: '' }])
  },
)
