import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { extensions, standardExtensions } from '../../src/fhir/canonical.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { atOnce } from '../../src/fhir/give-way.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { at, heartRate, mhealth, point, receive, upload } from './upload.ts'

const extensionUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value'
const loinc = 'http://loinc.org'

const issuesOf = (run: () => unknown): readonly { message: string; expression?: string }[] => {
  try {
    run()
  } catch (error) {
    if (error instanceof FhirError) {
      t.equal(error.status, 422)
      return error.issues
    }
    throw error
  }
  return []
}

t.test('a heart rate in R5’s attachment becomes a valid R4 Observation with its native elements', t => {
  const document = JSON.stringify(heartRate())
  const { resource, issues } = receive(upload(document))
  t.same(issues, [])
  t.same(resource, {
    resourceType: 'Observation',
    meta: { profile: ['http://hl7.org/fhir/StructureDefinition/heartrate'] },
    extension: [
      {
        url: extensionUrl,
        valueAttachment: {
          contentType: 'application/json',
          data: Buffer.from(document).toString('base64'),
          size: document.length,
          hash: hash('sha1', document, 'base64'),
        },
      },
    ],
    identifier: [{ system: 'urn:ietf:rfc:3986', value: 'urn:uuid:0a6f3c1e-5b7d-4c2a-9e8f-112233445566' }],
    status: 'final',
    category: [
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }],
      },
    ],
    code: {
      coding: [
        { system: loinc, code: '8867-4', display: 'Heart rate' },
        { system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' },
        { system: 'http://snomed.info/sct', code: '78564009' },
      ],
    },
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: '2026-03-01T07:30:00+01:00',
    issued: '2026-03-01T07:31:00+01:00',
    device: { reference: 'Device/cuff' },
    valueQuantity: { value: 64, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  t.end()
})

t.test('a code that is made here says in words what was measured, and one that was sent is kept as it is', async t => {
  const codeOf = (document: unknown, code?: unknown) => receive(upload(document, { code })).resource.code
  const omh = 'https://w3id.org/openmhealth'
  const snomed = { system: 'http://snomed.info/sct', code: '78564009' }
  t.same(codeOf(heartRate()), {
    coding: [
      { system: loinc, code: '8867-4', display: 'Heart rate' },
      { system: omh, code: 'omh:heart-rate:2.0', display: 'Heart rate 2.0' },
      snomed,
    ],
    text: 'Heart rate',
  })
  const own = { system: loinc, code: '8867-4', display: 'Pulse' }
  const sent = { system: omh, code: 'omh:heart-rate:2.0', userSelected: true }
  t.same(codeOf(heartRate(), { coding: [sent, own] }), { coding: [own, sent, snomed] })
  t.same(codeOf(heartRate(), { coding: [sent], text: 'After lunch' }).text, 'After lunch')
})

t.test('a component has the name that its code has in LOINC', async t => {
  const pressure = (value: number) => ({ value, unit: 'mmHg' })
  const body = {
    systolic_blood_pressure: pressure(121),
    diastolic_blood_pressure: pressure(78),
    effective_time_frame: at,
    descriptive_statistic: 'average',
  }
  const { code, component } = receive(upload(point('omh:blood-pressure:4.0', body), { code: undefined })).resource
  t.equal(code.text, 'Blood pressure')
  t.same(
    component.map((one: { code: { coding: { display?: string }[] } }) => one.code.coding.map(({ display }) => display)),
    [
      ['Systolic blood pressure mean', undefined],
      ['Diastolic blood pressure mean', undefined],
    ],
  )
})

t.test('what was received stays the same if it is sent again', t => {
  for (const document of [
    heartRate(),
    heartRate(64, { temporal_relationship_to_sleep: 'on waking', descriptive_statistic: 'average' }),
    point('omh:step-count:3.0', {
      step_count: { value: 8000, unit: 'steps' },
      effective_time_frame: { time_interval: { date: '2026-03-01', part_of_day: 'evening' } },
      descriptive_statistic: 'average',
      descriptive_statistic_denominator: 'd',
    }),
  ]) {
    const once = receive(upload(document, { status: undefined }))
    const twice = receive(once.resource)
    t.same(twice.resource, once.resource)
    t.same(twice.uploadKey, once.uploadKey)
  }
  t.end()
})

t.test('a native Observation passes unchanged', t => {
  const native = { resourceType: 'Observation', status: 'final', code: { coding: [{ system: loinc, code: '8867-4' }] } }
  const received = atOnce(mhealth.receive(native)).under('strict')
  t.equal(received.resource, native)
  t.equal(received.uploadKey, undefined)
  t.end()
})

t.test('another attachment in the extension passes unchanged', t => {
  const native = {
    resourceType: 'Observation',
    code: { text: 'ECG' },
    extension: [{ url: extensionUrl, valueAttachment: { contentType: 'application/pdf', data: 'JVBERi0=' } }],
  }
  t.equal(atOnce(mhealth.receive(native)).under('strict').resource, native)
  t.end()
})

t.test('the document is found in the extension, in wrapped base64, and with extra fields at its root', t => {
  const document = { id: 'x', ...heartRate(), größe: 1 }
  const sent = upload(document)
  const wrapped = sent.valueAttachment.data.replace(/(.{40})/g, '$1\r\n')
  const { valueAttachment, ...rest } = sent
  const { resource } = receive({
    ...rest,
    extension: [
      { url: 'urn:other', valueString: 'kept' },
      { url: extensionUrl, valueAttachment: { data: wrapped, title: 'kept' } },
    ],
  })
  t.equal(resource.extension[0].valueAttachment.data, valueAttachment.data)
  t.equal(resource.extension[0].valueAttachment.title, 'kept')
  t.same(resource.extension[1], { url: 'urn:other', valueString: 'kept' })
  t.equal(resource.valueQuantity.value, 64)
  t.end()
})

t.test('decimals keep their digits, and converted ones get no more', t => {
  const weigh = (text: string, unit: string) => {
    const document = JSON.stringify(
      point('omh:body-weight:3.0', { body_weight: { value: 0, unit }, effective_time_frame: at }),
    ).replace('"value":0', `"value":${text}`)
    return /"valueQuantity":\{"value":([^,]+),"unit":"(\w+)"/.exec(receive(upload(document)).text)?.slice(1)
  }
  t.same(weigh('70.10', 'kg'), ['70.10', 'kg'])
  t.same(weigh('154.5', 'lb'), ['154.5', 'lb'])
  t.same(weigh('54.946775771709895123', 'kg'), ['54.946775771709895123', 'kg'])
  t.same(weigh('2500', 'oz'), ['70.873807812500', 'kg'])
  t.same(weigh('0.1', 'Metric Ton'), ['100', 'kg'])
  t.end()
})

t.test('a document that is repaired keeps its digits, and what it says about nothing', async t => {
  const { header } = heartRate()
  const body =
    '{"heart_rate":{"value":64.50,"unit":"bpm"},"effective_time_frame":{"date_time":"2026-03-01T07:30:00Z"},"note":null}'
  const { resource, text, repairs } = receive(upload(`{"header":${JSON.stringify(header)},"body":${body}}`))
  t.strictSame(repairs, ['unit-spelling'])
  t.match(text, /"valueQuantity":\{"value":64\.50,"unit":"beats\/min"/)
  t.equal(Buffer.from(resource.extension[0].valueAttachment.data, 'base64').toString().includes(body), true)
})

t.test('kelvins become degrees Celsius without binary noise', t => {
  const { text } = receive(
    upload(
      point('omh:body-temperature:4.0', {
        body_temperature: { value: 309.75, unit: 'K' },
        effective_time_frame: at,
        measurement_location: 'oral',
      }),
    ),
  )
  t.match(text, '"valueQuantity":{"value":36.60,"unit":"C","system":"http://unitsofmeasure.org","code":"Cel"}')
  t.match(text, '"bodySite":{"text":"oral"}')
  t.end()
})

t.test('glucose gets the LOINC code of its specimen and unit', t => {
  const codeOf = (version: string, unit: string, more: Record<string, unknown>) =>
    receive(
      upload(
        point(`omh:blood-glucose:${version}`, {
          blood_glucose: { value: 5, unit },
          effective_time_frame: at,
          ...more,
        }),
      ),
    )
      .resource.code.coding.filter((one: { system: string }) => one.system === loinc)
      .map((one: { code: string }) => one.code)
  t.same(codeOf('4.0', 'mg/dL', { specimen_source: 'interstitial fluid' }), ['99504-3'])
  t.same(codeOf('4.0', 'mmol/L', { specimen_source: 'interstitial fluid' }), ['105272-9'])
  t.same(codeOf('4.0', 'mmol/L', { specimen_source: 'capillary blood' }), ['14743-9'])
  t.same(codeOf('4.0', 'mg/dL', {}), ['2339-0'])
  t.same(codeOf('1.0', 'mg/dL', { blood_specimen_type: 'plasma' }), ['2345-7'])
  t.same(codeOf('4.0', 'mg/dL', { specimen_source: 'tears' }), [])
  const statistic = (descriptive_statistic: string) => ({
    specimen_source: 'interstitial fluid',
    descriptive_statistic,
  })
  t.same(codeOf('4.0', 'mg/dL', statistic('standard deviation')), [], 'a standard deviation is not a glucose value')
  t.same(codeOf('4.0', 'mg/dL', statistic('average')), [])
  t.end()
})

t.test('a statistic is not passed off as a single measurement', t => {
  const { resource } = receive(upload(heartRate(71, { descriptive_statistic: 'maximum' })))
  t.same(
    resource.code.coding.map((one: { code: string }) => one.code),
    ['omh:heart-rate:2.0', '78564009'],
  )
  t.equal(resource.meta, undefined)
  t.same(resource.extension[1].extension[0].valueCodeableConcept, {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code: 'maximum' }],
    text: 'maximum',
  })
  t.end()
})

t.test('steps per day have a unit that says so, and a whole day has the LOINC code of a day', t => {
  const steps = (more: Record<string, unknown>) =>
    receive(
      upload(
        point('omh:step-count:3.0', {
          step_count: { value: 9000, unit: 'steps' },
          effective_time_frame: {
            time_interval: { start_date_time: '2026-03-01T00:00:00Z', duration: { value: 1, unit: 'd' } },
          },
          ...more,
        }),
      ),
    ).resource
  const day = steps({})
  t.same(day.effectivePeriod, { start: '2026-03-01T00:00:00Z', end: '2026-03-02T00:00:00Z' })
  t.ok(day.code.coding.some((one: { code: string }) => one.code === '41950-7'))
  const average = steps({ descriptive_statistic: 'average', descriptive_statistic_denominator: 'd' })
  t.equal(average.valueQuantity.code, '{steps}/d')
  t.end()
})

t.test('what people report themselves is performed by them', t => {
  const document = point(
    'omh:body-weight:3.0',
    { body_weight: { value: 70, unit: 'kg' }, effective_time_frame: at },
    { modality: 'self-reported' },
  )
  t.same(receive(upload(document)).resource.performer, [{ reference: 'Patient/ann' }])
  t.end()
})

t.test('a data series becomes sampled data: on a grid with missing values, else with the time of each', t => {
  const series = (...seconds: readonly string[]) =>
    receive(
      upload({
        ...heartRate(),
        body: seconds.map((second, index) => ({
          heart_rate: { value: 60 + index, unit: 'beats/min' },
          effective_time_frame: { date_time: `2026-03-01T07:30:${second}Z` },
        })),
      }),
    ).resource
  const even = series('00', '05', '10')
  t.equal(even.valueSampledData.data, '60 61 62')
  t.equal(even.valueSampledData.period, 5000)
  t.same(even.effectivePeriod, { start: '2026-03-01T07:30:00Z', end: '2026-03-01T07:30:10Z' })
  t.match(series('00', '05', '15').valueSampledData, { data: '60 61 E 62', period: 5000 })
  t.match(series('15', '00', '05').valueSampledData, { data: '61 62 E 60' }, 'in whatever order they come')
  t.strictSame(series('00.000', '00.812', '01.630').valueSampledData, {
    extension: [{ url: standardExtensions.sampledDataOffsets, valueString: '0 812 1630' }],
    period: 815,
    data: '60 61 62',
    origin: { value: 0, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
    dimensions: 1,
  })
  t.equal(series('00', '00').valueSampledData, undefined, 'two of one moment stay in the document')
  t.end()
})

t.test('a data series with one point is that point', t => {
  const glucose = {
    blood_glucose: { value: 95, unit: 'mg/dL' },
    specimen_source: 'capillary blood',
    effective_time_frame: at,
    temporal_relationship_to_meal: 'fasting',
  }
  const derived = (body: unknown) => receive(upload(point('omh:blood-glucose:4.0', body))).resource
  const { extension, ...alone } = derived(glucose)
  const { extension: document, ...listed } = derived([glucose])
  t.strictSame(listed, alone)
  t.equal(listed.valueQuantity.value, 95)
  t.match(Buffer.from(document[0].valueAttachment.data, 'base64').toString(), '"body":[{"blood_glucose"')
  const before = { effectivePeriod: { start: at.date_time, end: at.date_time } }
  const { resource } = receive(upload(point('omh:blood-glucose:4.0', [glucose]), before))
  t.strictSame([resource.effectivePeriod, resource.effectiveDateTime], [before.effectivePeriod, undefined])
  t.end()
})

t.test('points of different statistics are not a signal', t => {
  const of = (second: string, descriptive_statistic: string | undefined) => ({
    heart_rate: { value: 60, unit: 'beats/min' },
    effective_time_frame: { date_time: `2026-03-01T07:30:${second}Z` },
    descriptive_statistic,
  })
  const series = (...body: readonly object[]) => receive(upload({ ...heartRate(), body })).resource.valueSampledData
  t.equal(series(of('00', 'average'), of('05', 'average'))?.data, '60 60')
  t.equal(series(of('00', 'average'), of('05', 'maximum')), undefined)
  t.equal(series(of('00', undefined), of('05', 'maximum')), undefined)
  t.end()
})

t.test('a document that breaks its schema is refused with pointer, schema, rule and what would be accepted', t => {
  const wrong = point('omh:heart-rate:2.0', {
    heart_rate: { value: '64', unit: 'beats/h' },
    effective_time_frame: at,
  })
  const messages = issuesOf(() => receive(upload(wrong))).map(one => one.message)
  t.equal(messages.length, 2)
  t.match(messages.join('\n'), '/body/heart_rate/value: must be number (omh:heart-rate:2.0#/properties/')
  t.match(messages.join('\n'), 'accepted: beats/min')
  t.end()
})

t.test('of a series that is wrong throughout, the first hundred issues and a hundred warnings are reported', t => {
  const ofMany = (one: object, length = 20_000) => upload({ ...heartRate(), body: Array(length).fill(one) })
  const broken = issuesOf(() => receive(ofMany({})))
  t.equal(broken.length, 101)
  t.match(broken.at(-1), {
    code: 'incomplete',
    severity: 'warning',
    message: 'More is to be said of it: these are the first 100 issues',
  })
  const of = (value: number, unit: string) => ({ heart_rate: { value, unit }, effective_time_frame: at })
  t.equal(issuesOf(() => receive(ofMany(of(-1, 'beats/min')), 'strict')).length, 101)
  t.equal(receive(ofMany(of(61, 'bpm'), 200)).issues.length, 101)
  const few = issuesOf(() => receive(ofMany({}, 50)))
  t.equal(few.length, 100)
  t.end()
})

t.test('of a series with very many repairs the first hundred of each code are listed, with their number', t => {
  const repaired = { heart_rate: { value: 61, unit: 'bpm' }, effective_time_frame: at }
  const seldom = { ...repaired, temporal_relationship_to_sleep: 'during' }
  const listed = (...body: readonly object[]) =>
    receive(upload({ ...heartRate(), body })).resource.extension.flatMap((one: ListedRepair) =>
      one.url.endsWith('/document-repair') ? [partsOf(one)] : [],
    )
  t.equal(listed(...Array(100).fill(repaired)).length, 100)
  t.notOk(listed(...Array(100).fill(repaired)).some((parts: object) => 'count' in parts))
  const found = listed(...Array(150).fill(repaired), seldom, ...Array(50).fill(repaired))
  t.equal(found.length, 101)
  t.strictSame(found[0], {
    code: 'unit-spelling',
    pointer: '/body/0/heart_rate/unit',
    before: '"bpm"',
    after: '"beats/min"',
    count: 201,
  })
  t.match(found[99], { pointer: '/body/99/heart_rate/unit', count: undefined })
  t.match(found[100], {
    code: 'answer-spelling',
    pointer: '/body/150/temporal_relationship_to_sleep',
    count: undefined,
  })
  t.end()
})

type ListedRepair = { readonly url: string; readonly extension: readonly { readonly url: string }[] }

const partsOf = ({ extension }: ListedRepair) =>
  Object.fromEntries(
    extension.map(part => [part.url, Object.entries(part).find(([name]) => name.startsWith('value'))?.[1]]),
  )

t.test('a document that is refused after many warnings is refused', t => {
  const repaired = { heart_rate: { value: 61, unit: 'bpm' }, effective_time_frame: at }
  const [first] = issuesOf(() => receive(upload({ ...heartRate(), body: [...Array(1000).fill(repaired), {}] })))
  t.match(first?.message, "/body/1000: must have required property 'heart_rate'")
  t.end()
})

t.test('no value is derived from what breaks its schema beyond repair, if it is accepted at all', async t => {
  const taken = (body: Record<string, unknown>) => {
    const broken = upload(heartRate(64, body))
    t.ok(issuesOf(() => receive(broken)).length > 0)
    const { code, valueQuantity, component, bodySite, effectiveDateTime } = receive(
      broken,
      'accept-with-warning',
    ).resource
    return { code: code.coding, valueQuantity, component, bodySite, effectiveDateTime }
  }
  const onlyCodeAndTime = {
    code: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }],
    valueQuantity: undefined,
    component: undefined,
    bodySite: undefined,
    effectiveDateTime: at.date_time,
  }
  t.strictSame(taken({ heart_rate: { value: 64, unit: 'furlong' } }), onlyCodeAndTime)
  t.strictSame(taken({ temporal_relationship_to_sleep: 'in a dream' }), onlyCodeAndTime)
  t.strictSame(taken({ heart_rate: { value: '64', unit: 'bpm' } }), onlyCodeAndTime, 'even if something is repaired')
})

t.test('what cannot be read is refused with its place', t => {
  for (const data of ['%%%', Buffer.from([0xff, 0xfe]).toString('base64'), Buffer.from('{').toString('base64')]) {
    const sent = upload(heartRate(), { valueAttachment: { contentType: 'application/json', data } })
    t.match(
      issuesOf(() => receive(sent)),
      [{ expression: 'Observation.valueAttachment.data' }],
    )
  }
  const foreign = { resourceType: 'Observation', valueAttachment: { contentType: 'image/png', data: 'AAAA' } }
  t.equal(issuesOf(() => receive(foreign)).length, 1)
  t.end()
})

t.test('what is nested too deeply to be read is refused, with whatever numbers', async t => {
  const [open, close] = ['['.repeat(20_000), ']'.repeat(20_000)]
  const { header } = heartRate()
  for (const text of [`${open}1${close}`, `${open}1.10${close}`, `${open}${' '.repeat(200_000)}1.10${close}`]) {
    const sent = upload(`{"header":${JSON.stringify(header)},"body":${text}}`)
    t.match(
      issuesOf(() => receive(sent)),
      [{ details: { code: 'nested-too-deep' } }],
      text.slice(-20_010, -20_000),
    )
  }
})

t.test('a long series is read in steps, with the same result as a short one', async t => {
  const points = 5000
  const bodies = Array.from({ length: points }, (_, index) => ({
    effective_time_frame: { date_time: new Date(Date.parse('2026-03-01T00:00:00Z') + index * 1000).toISOString() },
    heart_rate: { unit: 'beats/min', value: 60 + (index % 40) },
  }))
  const { header } = heartRate()
  const { modality, schema_id, source_creation_date_time, uuid } = header
  const { name, namespace, version } = schema_id
  const sorted = { modality, schema_id: { name, namespace, version }, source_creation_date_time, uuid }
  const text = JSON.stringify({ body: bodies, header: sorted })
  const steps = mhealth.receive(upload(text))
  let count = 0
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) count += 1
  t.ok(count > points, 'others have their turn between its points')
  const { uploadKey, resource } = step.value.under('strict')
  t.equal(uploadKey?.digest, hash('sha256', text))
  const measured = `omh:heart-rate|[[],"Device/cuff",${JSON.stringify(bodies)}]`
  t.equal(uploadKey?.measurement?.digest, hash('sha256', measured.replaceAll('.000Z', 'Z')))
  t.equal(resource.valueSampledData?.data?.split(' ').length, points)

  const exact = receive(upload(text.replace('"value":61}', '"value":61.50}'))).text
  t.match(exact, '"data":"60 61.50 62 63 ')
  const twice = text.replace('}],"header"', ',"heart_rate":1}],"header"')
  t.match(
    issuesOf(() => receive(upload(twice)))[0]?.message,
    `body[${points - 1}].heart_rate stands twice in the document`,
  )
  t.match(issuesOf(() => receive(upload(heartRate(), attached(text.slice(0, -2)))))[0]?.message, 'is not JSON')
})

const attached = (text: string) => ({ valueAttachment: { data: Buffer.from(text).toString('base64') } })

t.test('what the client says itself is kept if it agrees', t => {
  const { resource } = receive(
    upload(heartRate(64), {
      effectiveDateTime: '2026-03-01T06:30:00.000Z',
      issued: '2026-03-02T00:00:00Z',
      valueQuantity: { value: 64, unit: 'bpm', system: 'http://unitsofmeasure.org', code: '/min' },
      code: { text: 'Pulse', coding: [{ system: loinc, code: '8867-4', display: 'Heart rate' }] },
    }),
  )
  t.equal(resource.effectiveDateTime, '2026-03-01T06:30:00.000Z')
  t.equal(resource.issued, '2026-03-02T00:00:00Z')
  t.equal(resource.valueQuantity.unit, 'bpm')
  t.equal(resource.code.text, 'Pulse')
  t.same(resource.code.coding[0], { system: loinc, code: '8867-4', display: 'Heart rate' })
  t.equal(resource.code.coding.length, 3)
  t.end()
})

t.test('everything around the measurement stays as the client sent it', async t => {
  const around = {
    implicitRules: 'https://example.org/rules',
    language: 'de',
    text: { status: 'additional', div: '<div xmlns="http://www.w3.org/1999/xhtml">Puls nach der Treppe</div>' },
    contained: [{ resourceType: 'Device', id: 'cuff' }],
    performer: [{ reference: 'Practitioner/nurse' }],
  }
  const { resource } = receive(upload(heartRate(64), around))
  const { implicitRules, language, text, contained, performer } = resource
  t.strictSame({ implicitRules, language, text, contained, performer }, around)
})

t.test('of repairs only those of this document are told, whatever the client says', t => {
  const said = { url: extensions.documentRepair, extension: [{ url: 'code', valueCode: 'unit-spelling' }] }
  const other = { url: 'https://example.org/other', valueString: 'kept' }
  const { extension } = receive(upload(heartRate(), { extension: [said, other] })).resource
  t.strictSame(
    extension.map(({ url }: { url: string }) => url),
    [standardExtensions.observationValue, other.url],
  )
  t.end()
})

t.test('an Observation that was entered in error or cancelled holds no document of a measurement', async t => {
  const measured = (status: string) => atOnce(mhealth.measuredDocumentOf(upload(heartRate(64), { status })))?.id
  const id = { namespace: 'omh', name: 'heart-rate', version: '2.0' }
  t.strictSame(['final', 'amended', 'unknown'].map(measured), [id, id, id])
  t.strictSame(['entered-in-error', 'cancelled'].map(measured), [undefined, undefined])
})

t.test(
  'a body in an envelope without a header is accepted like a bare body, and with an invalid header it is not',
  async t => {
    const { body } = heartRate(64)
    const received = (document: unknown) => {
      const code = { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] }
      const { resource, issues } = receive(upload(document, { code }))
      return { value: resource.valueQuantity.value, findings: issues.map(({ details }) => details?.code) }
    }
    const expected = { value: 64, findings: ['header-missing'] }
    t.strictSame(received(body), expected)
    t.strictSame(received({ body }), expected)
    t.strictSame(received({ header: null, body }), expected)
    t.match(
      issuesOf(() => received({ header: 'sensed', body })),
      [{ message: /^\/header: must be object/, pointer: '/header', details: { code: 'schema-broken' } }],
    )
  },
)

t.test('a time agrees with itself, with whatever fraction of a second it is given', t => {
  const sent = (date_time: string, effectiveDateTime: string) =>
    issuesOf(() => receive(upload(heartRate(64, { effective_time_frame: { date_time } }), { effectiveDateTime })))
      .length
  for (const fraction of ['.5', '.123', '.1234', '.123000', '.123456', '.123456789']) {
    const time = `2026-03-01T11:00:00${fraction}+01:00`
    t.equal(sent(time, time), 0, fraction)
  }
  const time = '2026-03-01T11:00:00.123456+01:00'
  t.equal(sent(time, '2026-03-01T10:00:00.123456Z'), 0, 'with another offset')
  t.equal(sent(time, '2026-03-01T11:00:00+01:00'), 0, 'to the second')
  t.equal(sent(time, '2026-03-01T11:00:00.123+01:00'), 0, 'to the millisecond')
  t.equal(sent('2026-03-01T11:00:00.123+01:00', '2026-03-01T10:00:00.123000Z'), 0, 'zeros do not matter')
  t.equal(sent(time, '2026-03-01T11:00:00.123457+01:00'), 1, 'a microsecond later is another time')
  t.end()
})

t.test('sampled data agrees in whatever order its parts come and however its numbers are written', t => {
  const document = (...values: readonly number[]) => ({
    ...heartRate(),
    body: values.map((value, index) => ({
      heart_rate: { value, unit: 'beats/min' },
      effective_time_frame: { date_time: `2026-03-01T07:30:0${index * 5}Z` },
    })),
  })
  const data = { data: '60 61', origin: { code: '/min', unit: 'beats/min', value: 0 }, period: 5000, dimensions: 1 }
  const issues = (valueSampledData: object) =>
    issuesOf(() => receive(upload(document(60, 61), { valueSampledData }))).map(({ message }) => message)
  t.strictSame(issues(data), [])
  t.strictSame(issues({ ...data, period: parseJson('5.0e3'), factor: 1, lowerLimit: 20 }), [])
  for (const other of [
    { data: '60 62' },
    { period: 1000 },
    { factor: 2 },
    { dimensions: 2 },
    { origin: { ...data.origin, value: 1 } },
    { origin: { ...data.origin, unit: 'Hz', code: 'Hz' } },
    { extension: [{ url: standardExtensions.sampledDataOffsets, valueString: '0 5001' }] },
  ])
    t.match(issues({ ...data, ...other }), [/^valueSampledData is .*, the document says valueSampledData /])
  t.end()
})

t.test('if document and client contradict each other, both are named', t => {
  const contradictions = {
    value: { valueQuantity: { value: 65, unit: 'beats/min', code: '/min' } },
    unit: { valueQuantity: { value: 64, code: 'Hz' } },
    choice: { valueString: '64' },
    time: { effectiveDateTime: '2026-03-01T07:30:00Z' },
    period: { effectivePeriod: { start: '2026-03-01T07:30:00+01:00' } },
    code: { code: { coding: [{ system: loinc, code: '8310-5' }] } },
  }
  for (const [what, more] of Object.entries(contradictions)) {
    const [issue, ...others] = issuesOf(() => receive(upload(heartRate(64), more)))
    t.ok(issue?.expression, what)
    t.same(others, [])
  }
  const owned = point('omh:heart-rate:2.0', heartRate().body, { user_id: 'Patient/bob' })
  t.match(
    issuesOf(() => receive(upload(owned))),
    [{ expression: 'Observation.subject' }],
  )
  t.end()
})

t.test('findings are reported with their place in the document', async t => {
  const placesOf = (document: unknown, more = {}) =>
    receive(upload(document, more), 'accept-with-warning').issues.map(({ details, pointer }) => [
      details?.code,
      pointer,
    ])
  const time = '/body/effective_time_frame'
  const { effective_time_frame: _, ...timeless } = heartRate(64).body as Record<string, unknown>
  t.strictSame(placesOf(point('omh:body-weight:1.0', { body_weight: { value: 80, unit: 'kg' } })), [
    ['time-missing', time],
  ])
  t.strictSame(placesOf(point('local:mood:1.0', timeless)), [
    ['schema-unknown', '/header/schema_id'],
    ['time-missing', time],
  ])
  t.strictSame(placesOf(point('local:mood:1.0', { effective_time_frame: { date_time: '2027-01-01T00:00:00' } })), [
    ['schema-unknown', '/header/schema_id'],
    ['time-future', time],
    ['time-zone-missing', time],
  ])
  const backwards = { start_date_time: '2026-03-01T08:00:00Z', end_date_time: '2026-03-01T07:00:00Z' }
  t.strictSame(placesOf(heartRate(64, { effective_time_frame: { time_interval: backwards } })), [
    ['interval-order', time],
  ])
  const coded = (code: string) => ({ code: { coding: [{ system: 'https://w3id.org/openmhealth', code }] } })
  t.strictSame(placesOf(heartRate(64), coded('omh:heart-rate:1.0')), [['version-differs', '/header/schema_id']])
  t.strictSame(placesOf(heartRate(64), coded('omh:body-weight:2.0')), [['code-differs', '/header/schema_id']])
})

t.test('a document that is nested too deeply to be read is refused', t => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const document = JSON.stringify(heartRate()).replace('"body":{', `"body":{"deep":${deep},`)
  t.match(
    issuesOf(() => receive(upload(document))),
    [{ message: 'the document is nested more than 500 levels deep' }],
  )
  t.end()
})

t.test('a document may be nested 500 levels deep, as deep as any body and no deeper than all JSON readers go', t => {
  const nested = (levels: number) =>
    JSON.stringify(heartRate()).replace(
      '"body":{',
      `"body":{"deep":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)},`,
    )
  t.ok(receive(upload(nested(500))))
  for (const text of [nested(501), nested(501).replace('"deep"', `"long":"${' '.repeat(200_000)}","deep"`)])
    t.match(
      issuesOf(() => receive(upload(text))),
      [{ details: { code: 'nested-too-deep' }, expression: 'Observation.valueAttachment' }],
    )
  t.end()
})

t.test('a document with a duplicate property is refused, and the refusal names it', t => {
  const document = JSON.stringify(heartRate(64)).replace('"value":64', '"value":64,"value":46')
  t.match(
    issuesOf(() => receive(upload(document))),
    [{ message: /^body\.heart_rate\.value stands twice in the document; each property stands once$/ }],
  )
  t.end()
})

t.test('words without meaning become no value', t => {
  const walk = (activity_name: string) =>
    point('ieee:physical-activity:1.0', {
      activity_name,
      effective_time_frame: {
        time_interval: { start_date_time: '2026-03-01T07:00:00Z', end_date_time: '2026-03-01T08:00:00Z' },
      },
    })
  t.same(receive(upload(walk('walking'))).resource.valueCodeableConcept, { text: 'walking' })
  t.equal(receive(upload(walk(''))).resource.valueCodeableConcept, undefined)
  t.end()
})

t.test('two different documents in one Observation are refused', t => {
  const { valueAttachment } = upload(heartRate(65))
  const sent = upload(heartRate(64), { extension: [{ url: extensionUrl, valueAttachment }] })
  t.equal(issuesOf(() => receive(sent)).length, 1)
  t.end()
})

t.test('an unknown schema is kept with a warning, and only its times are read', t => {
  const { resource, issues, uploadKey } = receive(
    upload(point('acme:gait:1.0', { gait: { value: 1, unit: 'm' }, effective_time_frame: at })),
  )
  t.equal(issues.length, 1)
  t.same(resource.code.coding, [{ system: 'https://w3id.org/openmhealth', code: 'acme:gait:1.0' }])
  t.equal(resource.effectiveDateTime, at.date_time)
  t.equal(resource.valueQuantity, undefined)
  t.equal(uploadKey?.schema, 'acme:gait')
  t.end()
})

t.test('a minor version older than the listed ones is validated by the newest of its major, a newer one is not', t => {
  const document = (version: string, unit: string) => upload(point(`omh:blood-pressure:${version}`, pressure(unit)))
  const pressure = (unit: string) => ({
    systolic_blood_pressure: { value: 120, unit },
    diastolic_blood_pressure: { value: 80, unit },
    effective_time_frame: at,
  })
  t.same(receive(document('4.0', 'mmHg')).issues, [])
  t.equal(issuesOf(() => receive(document('4.0', 'kPa'))).length, 2)
  t.equal(receive(document('4.1', 'kPa')).issues.length, 1)
  t.end()
})

t.test('what the client names beside the document stays beside what the document says', t => {
  const own = { system: 'https://app.example.org', value: '7' }
  const code = { system: 'https://app.example.org/codes', code: 'HR' }
  const omh = { system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }
  const sent = upload(heartRate(), { identifier: [own], code: { coding: [omh, code] } })
  const { resource, issues } = receive(sent, 'strict')
  const derived = { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:0a6f3c1e-5b7d-4c2a-9e8f-112233445566' }
  t.strictSame(resource.identifier, [derived, own])
  t.strictSame(resource.code.coding.at(-1), code)
  t.strictSame(issues, [], 'a code of no kind that is known says nothing else than the document')
  t.end()
})

t.test('a code may leave open the minor version of the document, and nothing more', t => {
  const coded = (version: string) =>
    upload(heartRate(), {
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: `omh:heart-rate:${version}` }] },
    })
  t.same(receive(coded('2.x')).issues, [])
  t.match(receive(coded('1.x')).issues, [{ details: { code: 'version-differs' } }])
  const tenth = upload(point('omh:heart-rate:10.0', heartRate().body), {
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:1.x' }] },
  })
  t.match(
    receive(tenth).issues.map(({ details }) => details?.code),
    ['schema-unknown', 'version-differs'],
    'version 10 is no minor version of 1',
  )
  t.same(
    receive(coded('2.x')).resource.code.coding.map((one: { code: string }) => one.code),
    ['8867-4', 'omh:heart-rate:2.0', '78564009'],
  )
  t.end()
})

t.test(
  'the digest is that of canonical JSON (RFC 8785): keys in UTF-16 order, numbers and strings as JavaScript writes them',
  t => {
    const sent = String.raw`{ "header": {}, "body": { "\u20ac": 1e30, "\r": 4.50, "\ufb33": 2e-3, "10": null, "9": -0, "\ud83d\ude00": "\u20AC$\u000F\nA'B\"\\\/", "\u0080": [333333333.33333329], "\u00f6": true } }`
    const code = { coding: [{ system: 'https://w3id.org/openmhealth', code: 'acme:gait:1.0' }] }
    const observation = upload('{}', {
      code,
      valueAttachment: { contentType: 'application/json', data: Buffer.from(sent).toString('base64') },
    })
    const canonical = `{"body":{"\\r":4.5,"10":null,"9":0,"${'\u0080'}":[333333333.3333333],"ö":true,"€":1e+30,"😀":"€$\\u000f\\nA'B\\"\\\\/","${'\ufb33'}":0.002},"header":{}}`
    t.equal(receive(observation).uploadKey?.digest, hash('sha256', canonical))
    t.end()
  },
)

t.test('the key is the header’s id, else the document; the digest does not depend on spelling', t => {
  const key = (document: unknown) => receive(upload(document)).uploadKey
  const spaced = JSON.stringify(heartRate(64.5), null, 2).replace('64.5', '64.50')
  t.same(key(spaced), key(heartRate(64.5)))
  t.equal(key(heartRate(64))?.key, '0a6f3c1e-5b7d-4c2a-9e8f-112233445566')
  t.equal(key(heartRate(64))?.key, key(heartRate(65))?.key)
  t.not(key(heartRate(64))?.digest, key(heartRate(65))?.digest)
  const bare = (value: number) =>
    receive(
      upload(heartRate(value).body, {
        code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
      }),
    )
  t.equal(bare(64).issues.length, 1)
  t.not(bare(64).uploadKey?.key, bare(65).uploadKey?.key)
  t.end()
})

t.test('whatever text a document has, its bytes come out as they went in', t => {
  const values = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), fc.integer())
  fc.assert(
    fc.property(values, fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(4), (value, extras, indent) => {
      const { header, body } = heartRate(value)
      const document = JSON.stringify(
        { header: { ...extras, ...header }, body: { extras, ...(body as object) } },
        null,
        indent,
      )
      const { resource } = receive(upload(document))
      const data: string = resource.extension[0].valueAttachment.data
      return Buffer.from(data, 'base64').equals(Buffer.from(document))
    }),
  )
  t.end()
})

const outlineOf = (more: object, document: unknown = heartRate()) =>
  atOnce(mhealth.outlineOf(upload(document, { ...more })))
const known = { system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }
const noJson = { valueAttachment: { data: Buffer.from('{').toString('base64') } }

t.test('for what no policy accepts the Observation is read, and what can be read of its document', t => {
  t.match(outlineOf(noJson), {
    schema: 'unknown',
    asked: { code: { coding: [known] }, subject: { reference: 'Patient/ann' }, device: { reference: 'Device/cuff' } },
  })
  const weight = { code: { coding: [{ system: loinc, code: '29463-7' }] }, valueString: 'high' }
  t.match(outlineOf(weight), {
    schema: 'omh:heart-rate:2.0',
    asked: { code: { coding: [{ code: '29463-7' }, { code: '8867-4' }, known] }, effectiveDateTime: at.date_time },
  })
  const times = { ...noJson, effectiveDateTime: '2026-03-01' }
  t.has(outlineOf(times), { asked: { effectiveDateTime: '2026-03-01' } })
  t.end()
})

t.test('the parts of a refused document are known by what the Observation names', async t => {
  const body = {
    activity_name: 'walking',
    kcal_burned: { value: -160, unit: 'kcal' },
    effective_time_frame: { time_interval: { start_date_time: at.date_time, duration: { value: 1, unit: 'h' } } },
  }
  const height = { code: { coding: [{ system: loinc, code: '8302-2' }] } }
  const component = [height, { code: { coding: [{ system: loinc, code: '41981-2' }] } }]
  t.strictSame(
    outlineOf(upload(point('omh:physical-activity:1.2', body), { component: [height] }))?.asked.component,
    component,
  )
})

t.test('what is doubtful is not claimed: whose it is, of which kind, when', t => {
  const doubts: readonly object[] = [
    { code: { coding: known } },
    { code: { coding: [known, { code: 5 }] } },
    { component: { code: { coding: [known] } } },
    { component: [{ code: { coding: [{ code: 'a\0' }] } }] },
    { derivedFrom: { reference: 'Observation/1' } },
    { derivedFrom: [{ display: 'another' }] },
    { contained: [{ resourceType: 'Observation', id: 'one' }] },
  ]
  for (const more of doubts)
    t.match(outlineOf(more), { schema: 'unknown', asked: { code: { coding: [] } } }, JSON.stringify(more))
  const ofBob = outlineOf({}, point('omh:heart-rate:2.0', heartRate().body, { user_id: 'Patient/bob' }))
  t.strictSame([ofBob?.schema, ofBob?.asked.code.coding, ofBob?.asked.effectiveDateTime], ['unknown', [], undefined])
  for (const effective of [
    { effectiveDateTime: '2026-04-01' },
    { effectiveDateTime: '2026-03-01', effectivePeriod: {} },
  ])
    t.equal(outlineOf(effective)?.asked.effectiveDateTime, undefined)
  t.equal(outlineOf({ valueAttachment: { contentType: 'image/png', data: 'AAAA' } }), undefined)
  t.equal(atOnce(mhealth.outlineOf({ resourceType: 'Observation' })), undefined)
  t.end()
})
