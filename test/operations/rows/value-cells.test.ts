import t from 'tap'
import { parseJson } from '../../../src/fhir/json.ts'
import { codeOf, hasValue, nameOf, valueCells, whatOf } from '../../../src/operations/rows/value-cells.ts'

const loinc = 'http://loinc.org'

t.test('a number is in its own digits, with its unit and its comparator', async t => {
  const quantity = (text: string, more: object) => valueCells({ valueQuantity: { value: parseJson(text), ...more } })
  t.strictSame(quantity('7.50', { unit: 'millimoles', code: 'mmol/L' }), [{ digits: '7.50' }, 'millimoles'])
  t.strictSame(quantity('7.5', { code: 'mmol/L' }), [{ digits: '7.5' }, 'mmol/L'])
  t.strictSame(quantity('40', { comparator: '<', unit: 'mg/dL' }), [{ digits: '40', comparator: '<' }, 'mg/dL'])
  t.strictSame(valueCells({ valueQuantity: { unit: 'mg/dL' } }), [{ digits: '' }, 'mg/dL'])
  t.strictSame(valueCells({ valueInteger: 3 }), [{ digits: '3' }])
})

t.test('any other value is text, a concept in its words, and what has parts is JSON', async t => {
  t.strictSame(valueCells({ valueCodeableConcept: { text: 'good' } }), ['good'])
  t.strictSame(valueCells({ valueBoolean: false }), ['false'])
  t.strictSame(valueCells({ valueString: '=1+1' }), ['=1+1'])
  t.strictSame(valueCells({ valueRange: { low: { value: 1 } } }), ['{"low":{"value":1}}'])
  const sampled = { data: '1 2', origin: { value: 0, unit: 'mV', code: 'mV' } }
  t.strictSame(valueCells({ valueSampledData: sampled }), [JSON.stringify(sampled), 'mV'])
  t.strictSame(valueCells({ valueSampledData: { data: '1', origin: { code: 'uV' } } }), [
    '{"data":"1","origin":{"code":"uV"}}',
    'uV',
  ])
  t.strictSame(valueCells({ valueSampledData: { data: '1' } }), ['{"data":"1"}', undefined])
  t.strictSame(valueCells({ code: { text: 'x' } }), [undefined])
  t.strictSame([hasValue({ code: {}, valueInteger: 0 }), hasValue({ code: {} })], [true, false])
})

t.test('a concept has its own words, or those of a code, or of the kind', async t => {
  const shown = {
    coding: [
      { system: loinc, code: '8867-4' },
      { code: 'x', display: 'Heart rate' },
    ],
  }
  const bare = {
    coding: [
      { system: 'x', code: 'y' },
      { system: loinc, code: '8867-4' },
    ],
  }
  const nameKind = (system: string | undefined, code: string) => (system === loinc ? `kind of ${code}` : undefined)
  t.equal(whatOf({ ...shown, text: 'Pulse' }, nameKind), 'Pulse')
  t.equal(whatOf(shown, nameKind), 'Heart rate')
  t.equal(whatOf(bare, nameKind), 'kind of 8867-4')
  t.equal(whatOf({ coding: [{ code: 'y' }] }, nameKind), undefined)
  t.equal(whatOf(undefined, nameKind), undefined)
  t.strictSame(
    [nameOf({ ...shown, text: 'Pulse' }), nameOf(shown), nameOf(bare), nameOf()],
    ['Pulse', 'Heart rate', 'y', undefined],
  )
  t.strictSame(
    [codeOf(shown), codeOf({ coding: [{ code: 'y' }] }), codeOf({}), codeOf()],
    [`${loinc}|8867-4`, 'y', undefined, undefined],
  )
})

t.test(
  'a code with the name that is given to it here is called as one without, in the words of the reader',
  async t => {
    const words: Readonly<Record<string, string>> = { '8867-4': 'Frecuencia cardíaca' }
    const what = (coding: object, more = {}) => whatOf({ coding: [coding], ...more }, (_, code) => words[code])
    const coding = { system: loinc, code: '8867-4' }
    t.equal(what({ ...coding, display: 'Heart rate' }), what(coding))
    t.equal(
      what({ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }, { text: 'Heart rate' }),
      'Heart rate',
    )
    t.equal(
      whatOf(
        {
          coding: [coding, { system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }],
          text: 'Heart rate',
        },
        (_, code) => words[code],
      ),
      'Frecuencia cardíaca',
    )
    t.equal(what({ ...coding, display: 'Pulso' }), 'Pulso', 'while the words of a sender are kept')
    t.equal(what({ system: loinc, code: '3151-8', display: 'Inhaled oxygen flow rate' }), 'Inhaled oxygen flow rate')
  },
)
