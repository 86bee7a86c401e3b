import t from 'tap'
import { parseJson } from '../../src/fhir/json.ts'
import { compareNative } from '../../src/mhealth/agreement.ts'
import { heartRate, receive, upload } from './upload.ts'

const ucum = 'http://unitsofmeasure.org'
/** The elements, as they are written, that do not agree with the document. */
const differing = (sent: object, elements: object) =>
  compareNative(sent as never, { elements: elements as never }).map(({ expression }) => expression)
const agrees = (sent: object, elements: object, why: string) => t.strictSame(differing(sent, elements), [], why)
const differs = (sent: object, elements: object, where: 'value' | 'effective', why: string) =>
  t.strictSame(differing(sent, elements), [`Observation.${where}`], why)

t.test('what only one of both says agrees', async () => {
  agrees({}, { valueInteger: 3, effectiveDateTime: '2026-03-01' }, 'nothing was sent')
  agrees({ valueInteger: 3, effectiveDateTime: '2026-03-01' }, {}, 'the document says nothing')
  const others = { valueAttachment: { data: 'e30=' }, valuesOfOthers: 1, values: 2, basedOn: [] }
  agrees(others, { valueInteger: 3 }, 'no value was sent')
})

t.test('a difference names both sides', async t => {
  t.strictSame(compareNative({ valueInteger: 3 }, { elements: { valueInteger: 4 } }, 'Observation.component[0]'), [
    {
      code: 'value',
      message: 'valueInteger is 3, the document says valueInteger 4',
      expression: 'Observation.component[0].value',
    },
  ])
  t.strictSame(
    differing(
      { valueInteger: 3, effectiveDateTime: '2026-03-01' },
      { valueInteger: 4, effectiveDateTime: '2026-03-02' },
    ),
    ['Observation.value', 'Observation.effective'],
  )
  differs({ valueString: '4' }, { valueInteger: 4 }, 'value', 'another type')
  differs({ valueBoolean: true }, { valueBoolean: false }, 'value', 'no number')
  agrees({ valueBoolean: true }, { valueBoolean: true }, 'the same')
})

t.test('a quantity agrees if number and unit do, however the number is written', async () => {
  const quantity = (value: unknown, more: object = { code: 'mg/dL' }) => ({ valueQuantity: { value, ...more } })
  const told = quantity(5.5, { system: ucum, code: 'mg/dL', unit: 'mg/dl' })
  agrees(quantity(parseJson('5.50')), told, 'in more digits')
  agrees(quantity(parseJson('55e-1')), told, 'with an exponent')
  agrees(quantity(5.5, { unit: 'mg/dl' }), told, 'with the unit alone')
  agrees(quantity(5.5, { unit: 'milligrams', code: 'mg/dL' }), told, 'with other words for the unit')
  differs(quantity(5.51), told, 'value', 'another number')
  differs(quantity('5.5'), told, 'value', 'a text')
  differs(quantity(undefined), told, 'value', 'no number')
  differs(quantity(5.5, { code: 'mmol/L' }), told, 'value', 'another unit')
  differs(quantity(5.5, { unit: 'mg/dl', code: 'mmol/L' }), told, 'value', 'the words of its unit, but another code')
  differs(quantity(5.5, {}), told, 'value', 'no unit')
})

t.test('samples agree if all that says what they mean does', async () => {
  const origin = { value: 0, code: '/min' }
  const offsets = (valueString: string) => ({
    extension: [
      { url: 'http://example.org/other', valueString: '0 1' },
      { url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets', valueString },
    ],
  })
  const samples = { origin, period: 1000, dimensions: 1, data: '60 61' }
  const sent = (more: object) => ({ valueSampledData: { ...samples, ...more } })
  const told = sent({})
  agrees(sent({ lowerLimit: 20, upperLimit: 300 }), told, 'limits are those of the device')
  agrees(sent({ period: parseJson('1000.0'), factor: parseJson('1.0') }), told, 'in other digits')
  agrees(sent(offsets('0 900')), sent(offsets('0 900')), 'at moments of their own')
  for (const other of [
    { data: '60 62' },
    { period: 1001 },
    { dimensions: 2 },
    { factor: 2 },
    { origin: { ...origin, value: 1 } },
    { origin: { ...origin, code: 'Hz' } },
    offsets('0 900'),
  ]) {
    differs(sent(other), told, 'value', JSON.stringify(other))
    differs(told, sent(other), 'value', JSON.stringify(other))
  }
  differs(sent(offsets('0 901')), sent(offsets('0 900')), 'value', 'at other moments')
})

t.test('a time agrees with every moment that it may mean, and with no other', async () => {
  const at = (effectiveDateTime: string) => ({ effectiveDateTime })
  const told = at('2026-03-01T23:30:15.250-08:00')
  agrees(at('2026-03-02T08:30:15.25+01:00'), told, 'in another zone')
  agrees(at('2026-03-02T07:30:15Z'), told, 'its second')
  agrees(at('2026-03-02'), told, 'its day in UTC')
  agrees(at('2026'), told, 'its year')
  differs(at('2026-03-01'), told, 'effective', 'another day')
  differs(at('2026-03-02T07:30:16Z'), told, 'effective', 'the next second')
  differs(at('2026-03-02T07:30:14Z'), told, 'effective', 'the second before')
  differs(at('2026-03-02T07:30:15.251Z'), told, 'effective', 'another moment')
  differs(at('soon'), told, 'effective', 'no time')
  differs(told, at('2026-03-02'), 'effective', 'a moment that the document does not say')
  const instant = (effectiveInstant: string) => ({ effectiveInstant })
  agrees(instant('2026-03-02T07:30:15.250Z'), told, 'as an instant')
  differs(instant('2026-03-02T07:30:15.251Z'), told, 'effective', 'another instant')
  const since = { effectivePeriod: { start: '2026-03-02T07:30:15.250Z' } }
  differs(instant('2026-03-02T07:30:15.250Z'), since, 'effective', 'an instant of what lasted')
})

t.test('the time of the document stays as it was sent, if that is as an instant', async t => {
  const { resource } = receive(upload(heartRate(), { effectiveInstant: '2026-03-01T06:30:00Z' }))
  t.match(resource, { effectiveInstant: '2026-03-01T06:30:00Z', valueQuantity: { value: 64 } })
  t.equal(resource.effectiveDateTime, undefined)
})

t.test('a period agrees if both of its ends do', async () => {
  const during = (start?: string, end?: string) => ({
    effectivePeriod: { ...(start && { start }), ...(end && { end }) },
  })
  const told = during('2026-03-01T08:00:00Z', '2026-03-01T09:00:00Z')
  agrees(during('2026-03-01', '2026-03-01T10:00:00+01:00'), told, 'less precisely, and in another zone')
  differs(during('2026-03-01T08:00:01Z', '2026-03-01T09:00:00Z'), told, 'effective', 'another start')
  differs(during('2026-03-01T08:00:00Z', '2026-03-01T09:00:01Z'), told, 'effective', 'another end')
  differs(during('2026-03-01T08:00:00Z'), told, 'effective', 'no end')
  differs(during(undefined, '2026-03-01T09:00:00Z'), told, 'effective', 'no start')
  agrees(during('2026-03-01T08:00:00Z'), during('2026-03-01T08:00:00Z'), 'neither has an end')
  const moment = { effectiveDateTime: '2026-03-01T08:00:00Z' }
  agrees(during('2026-03-01T08:00:00Z', '2026-03-01T08:00:00Z'), moment, 'a list of one point')
  differs(told, moment, 'effective', 'it lasted')
  differs(moment, told, 'effective', 'it was no moment')
})

t.test('a word agrees with the same word', async () => {
  const word = (text?: string) => ({ valueCodeableConcept: { ...(text && { text }), coding: [{ code: 'x' }] } })
  agrees(word('good'), { valueCodeableConcept: { text: 'good' } }, 'the same')
  agrees(word(), { valueCodeableConcept: { text: 'good' } }, 'a code without words')
  differs(word('bad'), { valueCodeableConcept: { text: 'good' } }, 'value', 'another')
})
