import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { at, heartRate, point, receive, upload } from './upload.ts'

const folder = '../shared/data'
const skip = existsSync(folder) ? false : `${folder} is not there: real uploads were not tried`
const read = (path: string) => JSON.parse(readFileSync(`${folder}/${path}`, 'utf8'))

const codesOf = (issues: ReturnType<typeof receive>['issues']) => issues.map(({ details }) => details?.code)

t.test('the seven example points of JupyterHealth Exchange are accepted, with unchanged bytes', { skip }, t => {
  const files = readdirSync(`${folder}/jhe/data-points`)
  t.equal(files.length, 7)
  for (const file of files) {
    const document = readFileSync(`${folder}/jhe/data-points/${file}`, 'utf8')
    const { resource, issues } = receive(upload(document))
    t.same(issues, [])
    t.equal(Buffer.from(resource.extension[0].valueAttachment.data, 'base64').toString(), document)
    t.equal(resource.valueAttachment, undefined)
    t.ok(resource.valueQuantity ?? resource.component, file)
  }
  t.end()
})

t.test(
  'a real CommonHealth upload is accepted: wrapped base64, hybrid header, version 3.1 with code 4.0',
  { skip },
  t => {
    const { searchset_entry, decoded } = read('jhe/commonhealth-real-observation.json')
    const { resource, issues } = receive(searchset_entry.resource)
    t.same(JSON.parse(Buffer.from(resource.extension[0].valueAttachment.data, 'base64').toString()), decoded)
    t.equal(resource.component[0].valueQuantity.value, 122)
    t.equal(resource.effectiveDateTime, '2024-05-02T07:21:00-07:00')
    t.equal(issues.length, 1)
    t.match(issues[0]?.message, 'the document is version 3.1')
    t.end()
  },
)

t.test('a bare body is read by the code of its Observation', { skip }, t => {
  const { entry } = read('jhe/batch-upload-body-only-2024.json')
  const { resource, issues } = receive(entry[0].resource)
  t.equal(resource.component[1].valueQuantity.value, 89)
  t.match(issues, [{ message: 'the document is a body without a header' }])
  t.end()
})

t.test('a header that leaves something out is no worse than none', t => {
  const { source_creation_date_time: _, uuid: __, ...header } = heartRate().header
  const document = { ...heartRate(), header: { ...header, acquisition_provenance: { source_name: 'Watch 7' } } }
  const { resource, issues } = receive(upload(document))
  t.equal(resource.valueQuantity.value, 64)
  t.same(codesOf(issues), ['header-incomplete', 'header-incomplete'])
  t.match(issues[0]?.message, "/header: must have required property 'uuid'")
  t.throws(() => receive(upload(document), 'strict'), /required property 'uuid'/)
  t.throws(() => receive(upload({ ...document, header: { ...header, uuid: 7 } })), 'a wrong value is refused')
  const unnamed = { ...heartRate().header, external_datasheets: [{ datasheet_type: 'manufacturer' }] }
  t.throws(
    () => receive(upload({ ...document, header: unnamed })),
    /external_datasheets.*required/,
    'so is what is left out of something in it',
  )
  const spoken = receive(upload(point('omh:heart-rate:2.0', heartRate().body, { modality: 'self reported' })))
  t.same(codesOf(spoken.issues), ['answer-spelling'])
  t.end()
})

t.test('a version that is a number names its schema', t => {
  const schema_id = { namespace: 'omh', name: 'heart-rate', version: 2 }
  const document = { ...heartRate(), header: { ...heartRate().header, schema_id } }
  const { resource, issues } = receive(upload(document, { code: { text: 'named by the document alone' } }))
  t.same([resource.valueQuantity.value, codesOf(issues)], [64, ['version-number']])
  t.match(resource.code.coding, [{}, { code: 'omh:heart-rate:2.0' }])
  t.end()
})

t.test('a unit or a time is read as what apps mean by it', t => {
  const measured = (name: string, value: number, unit: string) => ({
    [name]: { value, unit },
    effective_time_frame: at,
  })
  const lasting = { start_date_time: '2026-03-01T22:00:00Z', end_date_time: '2026-03-02T06:00:00Z' }
  const documents: readonly (readonly [sent: object, code: string, finding: string])[] = [
    ['count/min', '/min', 'beats/minute', 'BPM'].map(
      unit => [point('omh:heart-rate:2.0', measured('heart_rate', 61, unit)), '/min', 'unit-spelling'] as const,
    ),
    ['count/min', '/min', 'breaths per minute', 'bpm'].map(
      unit =>
        [point('omh:respiratory-rate:2.0', measured('respiratory_rate', 15, unit)), '/min', 'unit-spelling'] as const,
    ),
    [
      [point('omh:body-temperature:4.0', measured('body_temperature', 36.6, '°C')), 'Cel', 'unit-spelling'] as const,
      [point('omh:body-weight:3.0', measured('body_weight', 160, 'pounds')), '[lb_av]', 'unit-spelling'] as const,
      [
        point('omh:step-count:3.0', {
          step_count: { value: 9, unit: 'count' },
          effective_time_frame: { time_interval: lasting },
        }),
        '{steps}',
        'unit-spelling',
      ] as const,
      [
        heartRate(61, { effective_time_frame: { date_time: '2026-03-01T07:30+01:00' } }),
        '/min',
        'seconds-missing',
      ] as const,
    ],
  ].flat()
  for (const [sent, code, finding] of documents) {
    const { resource, issues } = receive(upload(sent))
    t.same([resource.valueQuantity.code, codesOf(issues)], [code, [finding]], JSON.stringify(sent))
  }
  t.equal(receive(upload(documents.at(-1)?.[0])).resource.effectiveDateTime, '2026-03-01T07:30:00+01:00')
  t.end()
})

/** The recommended shape has codes alone. */
const withoutNames = (resource: unknown) =>
  JSON.parse(JSON.stringify(resource), (key, value) => (key === 'display' ? undefined : value))

t.test('a blood pressure document becomes the recommended R4 shape', { skip }, t => {
  const recommended = read('derived/recommended-r4-blood-pressure.json')
  const document = Buffer.from(recommended.extension[0].valueAttachment.data, 'base64').toString()
  const { resource } = receive(
    upload(document, { subject: recommended.subject, device: recommended.device, status: undefined }),
  )
  const { size, hash, ...attachment } = resource.extension[0].valueAttachment
  t.equal(size, Buffer.byteLength(document))
  t.ok(hash)
  resource.extension[0].valueAttachment = attachment
  t.same(withoutNames(resource), recommended)
  t.end()
})

t.test('a day of real glucose points gives a value, a time and a code each', { skip }, t => {
  const { entry } = JSON.parse(
    gunzipSync(readFileSync(`${folder}/derived/bundle-batch-288-cgm-r5-style.json.gz`)).toString(),
  )
  t.equal(entry.length, 288)
  const keys = new Set<string | undefined>()
  for (const { resource: sent } of entry) {
    const { resource, issues, uploadKey } = receive(sent)
    keys.add(uploadKey?.key)
    t.same(issues, [])
    t.ok(resource.valueQuantity.value > 0 && resource.effectiveDateTime)
    t.equal(resource.code.coding[0].code, '99504-3')
  }
  t.equal(keys.size, 288)
  t.end()
})
