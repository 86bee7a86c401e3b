import t from 'tap'
import { atOnce } from '../../src/fhir/give-way.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { samplesOf } from '../../src/mhealth/samples.ts'

const offsetsUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets'
const unit = { unit: 'mV', system: 'http://unitsofmeasure.org', code: 'mV' }
const signal = (data: string, more: object = {}) => ({
  valueSampledData: { origin: { value: 0, ...unit }, period: 1000, dimensions: 1, data, ...more },
})
const start = '2026-03-01T08:00:00+01:00'
const found = (observation: object) => atOnce(samplesOf(observation as never))
const elementsOf = (observation: object) =>
  found(observation).map(({ elements }) => JSON.parse(JSON.stringify(elements())))
/** The values of a signal from `start` on, without their units. */
const valuesOf = (data: string, more: object = {}) =>
  elementsOf({ effectiveDateTime: start, ...signal(data, more) }).map(
    ({ valueQuantity, dataAbsentReason }) =>
      dataAbsentReason?.coding[0].code ??
      [valueQuantity.comparator, valueQuantity.value].filter(one => one !== undefined),
  )
const of = (second: string, value: number) => ({
  effectiveDateTime: `2026-03-01T08:00:${second}+01:00`,
  valueQuantity: { value, ...unit },
})

t.test('each sample is at its moment, from the start on, in the offset of that', async t => {
  const expected = [of('00', 1), of('01', -2)]
  for (const effective of [
    { effectiveDateTime: start },
    { effectiveInstant: start },
    { effectivePeriod: { start, end: '2026-03-01T08:00:02+01:00' } },
  ])
    t.strictSame(elementsOf({ ...effective, ...signal('1 -2') }), expected)
  t.strictSame(
    found({ effectiveDateTime: start, ...signal('1 2') }).map(one => one.start),
    [Date.parse(start), Date.parse(start) + 1000],
  )
})

t.test('what is missing is no sample, and takes its time', async t => {
  t.strictSame(elementsOf({ effectiveDateTime: start, ...signal(' 1 E  3 ') }), [of('00', 1), of('02', 3)])
  t.strictSame(elementsOf({ effectiveDateTime: start, ...signal('') }), [])
  t.strictSame(
    elementsOf({ effectiveDateTime: start, valueSampledData: { ...signal('').valueSampledData, data: undefined } }),
    [],
  )
})

t.test('samples with moments of their own are at these, in their order', async t => {
  const own = {
    extension: [
      { url: 'http://example.org', valueString: '9 9' },
      { url: offsetsUrl, valueString: '2000 0' },
    ],
  }
  t.strictSame(elementsOf({ effectiveDateTime: start, ...signal('1 2 3', own) }), [of('00', 2), of('02', 1)])
})

t.test('a value is the sample times the factor, and from the origin on, exactly', async t => {
  t.strictSame(valuesOf('1 +2 -3'), [[1], [2], [-3]])
  t.strictSame(valuesOf('1 2', { factor: parseJson('0.1') }), [[0.1], [0.2]])
  t.strictSame(valuesOf('3', { factor: parseJson('0.1'), origin: { value: parseJson('0.1'), ...unit } }), [[0.4]])
  t.strictSame(valuesOf('3', { origin: { value: -5, ...unit } }), [[-2]])
  t.strictSame(valuesOf('3', { origin: unit }), [[3]])
})

t.test('what is beyond a limit of the device says which, and without a limit only that it is no number', async t => {
  const limits = { lowerLimit: 40, upperLimit: 400 }
  t.strictSame(valuesOf('L 50 U', limits), [['<', 40], [50], ['>', 400]])
  t.strictSame(valuesOf('L U', { lowerLimit: 40 }), [['<', 40], 'not-a-number'])
  t.strictSame(valuesOf('L U', { upperLimit: 400 }), ['not-a-number', ['>', 400]])
  t.strictSame(valuesOf('x'), ['not-a-number'])
  t.match(elementsOf({ effectiveDateTime: start, ...signal('L', limits) })[0], { valueQuantity: unit })
})

t.test('components that were sampled at the same moments are together', async t => {
  const lead = (name: string, data: string, more = {}) => ({ code: { text: name }, ...signal(data, more) })
  const component = [lead('I', '1 2'), { code: { text: 'note' }, valueString: 'x' }, lead('II', '3 E 5')]
  const value = (text: string, value: number) => ({ code: { text }, valueQuantity: { value, ...unit } })
  t.strictSame(elementsOf({ effectiveDateTime: start, component }), [
    { effectiveDateTime: of('00', 0).effectiveDateTime, component: [value('I', 1), value('II', 3)] },
    { effectiveDateTime: of('01', 0).effectiveDateTime, component: [value('I', 2)] },
    { effectiveDateTime: of('02', 0).effectiveDateTime, component: [value('II', 5)] },
  ])
  t.strictSame(elementsOf({ effectiveDateTime: start, ...signal('7'), component: [lead('I', '1')] }), [
    { ...of('00', 7), component: [value('I', 1)] },
  ])
})

t.test('without samples, an Observation is one moment itself', async t => {
  const value = { valueQuantity: { value: 1 }, component: [{ code: { text: 'x' }, valueInteger: 2 }] }
  t.strictSame(elementsOf({ id: 'one', status: 'final', effectiveDateTime: start, ...value }), [
    { effectiveDateTime: start, ...value },
  ])
  t.equal(found({ effectiveDateTime: start, ...value })[0]?.start, Date.parse(start))
  t.equal(found(value)[0]?.start, undefined)
})

t.test('samples of which it is not said when they begin, or how many values each has, are refused', async t => {
  t.throws(() => found({ effectivePeriod: { end: start }, ...signal('1') }), { message: /have no times/ })
  t.throws(() => found({ effectiveDateTime: start, ...signal('1 2', { dimensions: 2 }) }), {
    message: 'Only SampledData of one dimension is expanded',
    status: 422,
  })
  const many = signal(`1${' 1'.repeat(200_000)}`, { period: 1 })
  t.throws(() => found({ effectiveDateTime: start, ...many }), { message: /At most 200000 samples/, status: 422 })
})
