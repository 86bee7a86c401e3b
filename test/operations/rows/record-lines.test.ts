import { parse } from 'csv-parse/sync'
import t from 'tap'
import { parseJson } from '../../../src/fhir/json.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { csv, csvInTurns } from '../../../src/operations/rows/csv.ts'
import { type Reading, readingRows } from '../../../src/operations/rows/reading-rows.ts'
import { documentLines, readingLines, resourceLines } from '../../../src/operations/rows/record-lines.ts'
import type { Page, Store } from '../../../src/storage/store.ts'

const registry = loadRegistry()

/** A record of a million Observations, whose pages are made as they are asked for. */
const pages = 1000
const openRecord = () => {
  let asked = 0
  const observation = { resourceType: 'Observation', id: 'one', valueInteger: 1 }
  const entry = { type: 'Observation', id: 'one', versionId: '1', lastUpdated: new Date(0) } as const
  const entries = Array(1000).fill({ ...entry, content: JSON.stringify(observation) })
  const search: Store['search'] = async ({ type, cursor }): Promise<Page> => {
    if (type !== 'Observation') return { entries: [], included: [], leftOut: false }
    asked += 1
    const next = Number(cursor ?? 0) + 1
    return { entries, included: [], leftOut: false, ...(next < pages && { next: String(next) }) }
  }
  const record = {
    registry,
    store: { search },
    patient: 'ann',
    // biome-ignore lint/correctness/useYield: none of it is long
    measuredDocumentOf: function* () {
      return undefined
    },
    nameKind: () => undefined,
  }
  return { record, pagesAsked: () => asked }
}

/** Rows of the table, for Observations as they are stored. */
const tableOf = (...contents: readonly object[]): readonly string[] => {
  const readings = contents.map(one => parseJson(JSON.stringify(one)) as Reading)
  return csv([...readingRows(readings, { nameKind: () => undefined, nameDevice: () => undefined })])
    .trimEnd()
    .split('\r\n')
}

t.test('however long a record is, a page of it is only asked for once the one before was consumed', async t => {
  for (const lines of [resourceLines, readingLines]) {
    const { record, pagesAsked } = openRecord()
    const file = lines([record])
    while (pagesAsked() < 3) await file.next()
    t.equal(pagesAsked(), 3)
    await file.return(undefined)
  }
})

t.test('a table of readings marks statistics', async t => {
  const concept = {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code: 'std-dev' }],
  }
  const extension = [
    {
      url: 'https://sharewell.dev/fhir/StructureDefinition/descriptive-statistic',
      extension: [{ url: 'statistic', valueCodeableConcept: { ...concept, text: 'standard deviation' } }],
    },
  ]
  const code = { text: 'Pressure' }
  const component = [{ code: { text: 'Systolic' }, valueInteger: 9 }]
  const contents = [
    { id: 'own', extension, code, valueInteger: 12 },
    { id: 'part', extension, code, component },
    { id: 'plain', code, valueInteger: 120 },
  ]
  t.strictSame(tableOf(...contents), [
    ',,Pressure,,standard deviation,12,,,,own,',
    ',,Pressure,,"Systolic, standard deviation",9,,,,part,',
    ',,Pressure,,,120,,,,plain,',
  ])
})

t.test('no cell becomes two, or a formula, where semicolons and tabs end cells as well as commas', async t => {
  const answers = ['dull; worse at night', 'a;=1+1', 'a\t=1+1', '\n=1+1', '\t;=1+1']
  const contents = answers.map(valueString => ({ id: 'one', valueString }))
  const readings = contents.map(one => parseJson(JSON.stringify(one)) as Reading)
  const table = csv([...readingRows(readings, { nameKind: () => undefined, nameDevice: () => undefined })])
  const rows: readonly string[][] = parse(table, { delimiter: [',', ';', '\t'], record_delimiter: '\r\n' })
  t.strictSame(
    rows.map(row => row[5]),
    ['dull; worse at night', 'a;=1+1', 'a\t=1+1', "'\n=1+1", "'\t;=1+1"],
  )
  t.ok(rows.every(row => row.length === 11))
})

t.test('a reading with several times is in the table from the first to the last of them', async t => {
  const event = ['2026-11-20T20:00:00-05:00', '2026-11-20T08:00:00-05:00', '2026-11-20T14:00:00Z']
  for (const [effectiveTiming, times] of [
    [{ event }, '2026-11-20T08:00:00-05:00,2026-11-20T20:00:00-05:00'],
    [{ event: event.slice(0, 1) }, '2026-11-20T20:00:00-05:00,'],
    [{ repeat: { boundsPeriod: { start: '2026-11-20', end: '2026-11-21' }, frequency: 2 } }, '2026-11-20,2026-11-21'],
    [{ event, repeat: { boundsPeriod: { start: '2026-11-01' } } }, '2026-11-01,2026-11-20T20:00:00-05:00'],
    [{ code: { text: 'before breakfast' } }, ','],
    [{ event: [null, event[0], null, event[1]] }, '2026-11-20T08:00:00-05:00,2026-11-20T20:00:00-05:00'],
    [{ event: [null, event[0]] }, '2026-11-20T20:00:00-05:00,'],
    [{ event: [null] }, ','],
  ] as const)
    t.strictSame(tableOf({ id: 'one', effectiveTiming, valueInteger: 70 }), [`${times},,,,70,,,,one,`])
})

t.test('a device is named in the table even if it is contained, or only its number is known', async t => {
  const scale = { resourceType: 'Device', id: 'scale', deviceName: [{ name: 'Kitchen scale' }] }
  for (const [more, name] of [
    [{ contained: [scale], device: { reference: '#scale' } }, 'Kitchen scale'],
    [{ contained: [{ ...scale, deviceName: [] }], device: { reference: '#scale' } }, '#scale'],
    [{ device: { identifier: { system: 'urn:serial', value: 'SN-17' } } }, 'SN-17'],
    [{ device: { reference: 'Device/gone' } }, 'Device/gone'],
    [{}, ''],
  ] as const)
    t.strictSame(tableOf({ id: 'one', ...more, valueInteger: 70 }), [`,,,,,70,,${name},,one,`])
})

t.test('an answer is its text, whichever of its codings has it', async t => {
  const coding = [
    { system: 'http://snomed.info/sct', code: '10828004' },
    { code: 'p', display: 'Positive' },
  ]
  t.strictSame(tableOf({ id: 'one', valueCodeableConcept: { coding } }), [',,,,,Positive,,,,one,'])
})

t.test('the reason for a missing value is at the end of its row', async t => {
  const dataAbsentReason = { coding: [{ code: 'not-performed', display: 'Not Performed' }] }
  t.strictSame(tableOf({ id: 'one', dataAbsentReason }), [',,,,,,,,,one,Not Performed'])
})

t.test(
  'what a reading says itself has a row beside those of its components, be it a value or why there is none',
  async t => {
    const component = [{ code: { text: 'Systolic' }, valueInteger: 120 }]
    const dataAbsentReason = { coding: [{ code: 'not-performed', display: 'Not Performed' }] }
    const row = ',,,,Systolic,120,,,,one,'
    t.strictSame(tableOf({ id: 'one', component }), [row])
    t.strictSame(tableOf({ id: 'one', valueInteger: 93, component }), [',,,,,93,,,,one,', row])
    t.strictSame(tableOf({ id: 'one', dataAbsentReason, component }), [',,,,,,,,,one,Not Performed', row])
  },
)

t.test('a list without documents is still a list', async t => {
  const { record } = openRecord()
  const parts: string[] = []
  for await (const part of documentLines([record])) parts.push(String(part))
  t.equal(parts.join(''), '[]\n')
})

t.test('others have their turn while very many rows are made, which are the same as if made at once', async t => {
  const rows = Array.from({ length: 20_000 }, (_, index) => ['one, and another', { digits: `${index - 5}` }, undefined])
  let turns = 0
  const others = setInterval(() => {
    turns += 1
  })
  const pieces = await Array.fromAsync(csvInTurns(rows, csv))
  clearInterval(others)
  t.ok(turns > 0)
  t.equal(pieces.join(''), csv(rows))
})
