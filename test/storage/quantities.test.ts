import t from 'tap'
import { openMatching } from '../support/matching.ts'

/** Amounts as numbers, ranges and units, over resources that are stored and resources that are about to be. */
const { put, finds, close } = await openMatching()
t.teardown(close)

const ucum = 'http://unitsofmeasure.org'
const quantity = (value: number, code?: string) => ({ value, ...(code === undefined ? {} : { system: ucum, code }) })
const observation = (id: string, more: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'urn:c', code: 'x' }] },
  ...more,
})
const condition = (id: string, more: object) => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/x' },
  ...more,
})

t.test('an amount is found in every unit of its dimension', async t => {
  await put(
    observation('5.4g', { valueQuantity: quantity(5.4, 'g') }),
    observation('5400mg', { valueQuantity: quantity(5400, 'mg') }),
    observation('12lb', { valueQuantity: quantity(12, '[lb_av]') }),
    observation('120mmHg', { valueQuantity: quantity(120, 'mm[Hg]') }),
    observation('16kPa', { valueQuantity: quantity(16, 'kPa') }),
    observation('37C', { valueQuantity: quantity(37, 'Cel') }),
    observation('98.6F', { valueQuantity: quantity(98.6, '[degF]') }),
    observation('5.5mmol', { valueQuantity: quantity(5.5, 'mmol/L') }),
    observation('99mg/dL', { valueQuantity: quantity(99, 'mg/dL') }),
    observation('7pH', { valueQuantity: quantity(7, '[pH]') }),
    observation('no-unit', { valueQuantity: quantity(5.4) }),
    observation('other', { valueQuantity: { value: 5.4, system: 'urn:units', code: 'g' } }),
    observation('words', { valueQuantity: { value: 5.4, system: ucum, unit: 'g' } }),
    observation('72', { valueQuantity: quantity(72, '{beats}/min') }),
    observation('1.2', { valueQuantity: quantity(1.2, 'Hz') }),
  )
  await finds(t, 'Observation', {
    [`value-quantity=5.4|${ucum}|g`]: '5.4g 5400mg',
    [`value-quantity=5400|${ucum}|mg`]: '5.4g 5400mg',
    [`value-quantity=5.44|${ucum}|g`]: '',
    [`value-quantity=0.00540|${ucum}|kg`]: '5.4g 5400mg',
    [`value-quantity=5443.10844|${ucum}|g`]: '12lb',
    [`value-quantity=12|${ucum}|[lb_av]`]: '12lb',
    [`value-quantity=120|${ucum}|mm[Hg]`]: '120mmHg 16kPa',
    [`value-quantity=16.0|${ucum}|kPa`]: '120mmHg 16kPa',
    [`value-quantity=16.00|${ucum}|kPa`]: '120mmHg 16kPa',
    [`value-quantity=15.999|${ucum}|kPa`]: '120mmHg',
    [`value-quantity=gt36.9|${ucum}|Cel`]: '37C 98.6F',
    [`value-quantity=37.000|${ucum}|Cel`]: '37C 98.6F',
    [`value-quantity=310.15|${ucum}|K`]: '37C 98.6F',
    [`value-quantity=ge5|${ucum}|mmol/L`]: '5.5mmol',
    [`value-quantity=0.99|${ucum}|g/L`]: '99mg/dL',
    [`value-quantity=7|${ucum}|[pH]`]: '7pH',
    [`value-quantity=1.2|${ucum}|/s`]: '1.2 72',
    'value-quantity=5.4': '5.4g no-unit other words',
    'value-quantity=5.4|urn:units|g': 'other',
    'value-quantity=5.4||g': '5.4g other words',
    [`code-value-quantity=urn:c|x$5.4|${ucum}|g`]: '5.4g 5400mg',
    [`combo-code-value-quantity=urn:c|x$lt6|${ucum}|g`]: '5.4g 5400mg',
    [`value-quantity=1|${ucum}|no-unit-of-ucum`]: '',
  })
})

t.test('an amount may be known within bounds only: a comparator, a Range, SampledData', async t => {
  const sampled = (data: string, more: object = {}) => ({
    valueSampledData: { origin: quantity(10, 'cm'), period: 1, factor: 2, dimensions: 1, data, ...more },
  })
  await put(
    observation('below-5', { valueQuantity: { ...quantity(5, 'umol'), comparator: '<' } }),
    observation('to-5', { valueQuantity: { ...quantity(5, 'umol'), comparator: '<=' } }),
    observation('above-5', { valueQuantity: { ...quantity(5, 'umol'), comparator: '>' } }),
    observation('below-9W', { valueQuantity: { ...quantity(9, 'W'), comparator: '<' } }),
    observation('to-9W', { valueQuantity: { ...quantity(9, 'W'), comparator: '<=' } }),
    observation('sampled', sampled('-2 E 5.5 L')),
    observation('unsampled', sampled('E E')),
    observation('no-samples', sampled('1e999999 12abc 1.2.3')),
    observation('component', {
      component: [{ code: { text: 'c' }, ...sampled('100', { origin: quantity(0, 'm') }) }],
    }),
    observation('compared-component', {
      component: [{ code: { text: 'c' }, valueQuantity: { ...quantity(3, 'km'), comparator: '>=' } }],
    }),
  )
  const amount = (text: string) => `value-quantity=${text}|${ucum}|umol`
  await finds(t, 'Observation', {
    [amount('lt5')]: 'below-5 to-5',
    [amount('le5')]: 'below-5 to-5',
    [amount('gt5')]: 'above-5',
    [amount('ge5')]: 'above-5 to-5',
    [amount('eb5')]: 'below-5',
    [amount('sa5')]: 'above-5',
    [amount('lt4')]: 'below-5 to-5',
    [amount('eb4')]: '',
    [amount('5')]: '',
    [amount('ne5')]: 'above-5 below-5 to-5',
    [amount('ap5')]: 'above-5 below-5 to-5',
    [`value-quantity=ap10|${ucum}|W`]: 'to-9W',
    [`value-quantity=ap0.010|${ucum}|kW`]: 'to-9W',
    [`value-quantity=gt0.004|${ucum}|mmol`]: 'above-5 below-5 to-5',
    [`value-quantity=gt20.9|${ucum}|cm`]: 'sampled',
    [`value-quantity=gt21|${ucum}|cm`]: '',
    [`value-quantity=le6|${ucum}|cm`]: 'sampled',
    [`value-quantity=lt0.06|${ucum}|m`]: '',
    [`value-quantity=sa0.05|${ucum}|m`]: 'sampled',
    [`component-value-quantity=200|${ucum}|m`]: 'component',
    [`component-value-quantity=ge0.1|${ucum}|km`]: 'compared-component component',
    [`combo-value-quantity=ge0.1|${ucum}|km`]: 'compared-component component',
    [`code-value-quantity=urn:c|x$gt20|${ucum}|cm`]: '',
    [`code-value-quantity=urn:c|x$lt5|${ucum}|umol`]: 'below-5 to-5',
  })
  const age = (low?: number, high?: number) => ({
    onsetRange: {
      ...(low === undefined ? {} : { low: quantity(low, 'a') }),
      ...(high === undefined ? {} : { high: quantity(high, 'a') }),
    },
  })
  await put(
    condition('30s', age(30, 39)),
    condition('from-50', age(50)),
    condition('to-10', age(undefined, 10)),
    condition('35', { onsetAge: quantity(35, 'a') }),
    condition('months', { onsetAge: quantity(420, 'mo') }),
    condition('string', { onsetString: '35' }),
  )
  await finds(t, 'Condition', {
    [`onset-age=35|${ucum}|a`]: '35 months',
    [`onset-age=gt38|${ucum}|a`]: '30s from-50',
    [`onset-age=lt31|${ucum}|a`]: '30s to-10',
    [`onset-age=ge39|${ucum}|a`]: '30s from-50',
    [`onset-age=sa49|${ucum}|a`]: 'from-50',
    [`onset-age=eb11|${ucum}|a`]: 'to-10',
    [`onset-age=ap37|${ucum}|a`]: '30s 35 months',
    [`onset-age=gt460|${ucum}|mo`]: '30s from-50',
    'onset-age:missing=true': 'string',
  })
})

t.test('money has a currency', async t => {
  const invoice = (id: string, value: number, currency: string) => ({
    resourceType: 'Invoice',
    id,
    status: 'issued',
    totalNet: { value, currency },
  })
  await put(invoice('usd', 10, 'USD'), invoice('eur', 10, 'EUR'))
  await finds(t, 'Invoice', {
    'totalnet=10': 'eur usd',
    'totalnet=10|urn:iso:std:iso:4217|USD': 'usd',
    'totalnet=10||EUR': 'eur',
    'totalnet=gt10||EUR': '',
  })
})

t.test('a number may be a range too', async t => {
  const risk = (id: string, prediction: object) => ({
    resourceType: 'RiskAssessment',
    id,
    status: 'final',
    subject: { reference: 'Patient/x' },
    prediction: [prediction],
  })
  await put(
    risk('0.2', { probabilityDecimal: 0.2 }),
    risk('0.1-0.3', { probabilityRange: { low: { value: 0.1 }, high: { value: 0.3 } } }),
  )
  await finds(t, 'RiskAssessment', {
    'probability=0.2': '0.2',
    'probability=gt0.2': '0.1-0.3',
    'probability=sa0.19': '0.2',
    'probability=eb0.4': '0.1-0.3 0.2',
    'probability=ap0.22': '0.1-0.3 0.2',
    'probability=ne0.2': '0.1-0.3',
  })
})

t.test('a Timing is a range if it says when', async t => {
  const request = (id: string, occurrenceTiming: object) => ({
    resourceType: 'ServiceRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/x' },
    occurrenceTiming,
  })
  await put(
    request('events', { event: ['2025-03-01', '2025-03-05'] }),
    request('bounds', { repeat: { boundsPeriod: { start: '2025-03-02' } } }),
    request('both', { event: ['2025-01-01'], repeat: { boundsPeriod: { start: '2025-03-01', end: '2025-03-02' } } }),
    request('neither', { repeat: { frequency: 1 } }),
  )
  await finds(t, 'ServiceRequest', {
    'occurrence=2025-03': 'events',
    'occurrence=2025': 'both events',
    'occurrence=gt2025-04': 'bounds',
    'occurrence=sa2024': 'both bounds events',
    'occurrence=ne2025-03': 'both bounds',
    'occurrence=lt2025-02': 'both',
  })
})

t.test('the parts of a composite hold for the same element', async t => {
  const sequence = (id: string, chromosome: string, ...variant: readonly object[]) => ({
    resourceType: 'MolecularSequence',
    id,
    coordinateSystem: 0,
    referenceSeq: {
      chromosome: { coding: [{ system: 'urn:chromosome', code: chromosome }] },
      referenceSeqId: { coding: [{ code: `NC_${chromosome}` }] },
      windowStart: 1,
      windowEnd: 500,
    },
    variant,
  })
  await put(
    sequence('one', '1', { start: 100, end: 200 }, { start: 300, end: 400 }),
    sequence('two', '2', { start: 100, end: 400 }),
  )
  await finds(t, 'MolecularSequence', {
    'chromosome-variant-coordinate=1$lt150$gt150': 'one',
    'chromosome-variant-coordinate=1$lt150$gt300': '',
    'chromosome-variant-coordinate=2$100$400': 'two',
    'chromosome-variant-coordinate=urn:chromosome|2$lt150$gt300': 'two',
    'referenceseqid-variant-coordinate=NC_1$ge300$le400': 'one',
    'chromosome-window-coordinate=1$1$500': 'one',
  })
  const group = (id: string, ...characteristic: readonly (readonly [string, object])[]) => ({
    resourceType: 'Group',
    id,
    type: 'device',
    actual: false,
    characteristic: characteristic.map(([code, value]) => ({ code: { coding: [{ code }] }, exclude: false, ...value })),
  })
  const concept = (code: string) => ({ valueCodeableConcept: { coding: [{ code }] } })
  await put(
    group('g1', ['gender', concept('mixed')], ['owner', concept('John')]),
    group('g2', ['gender', concept('John')], ['adult', { valueBoolean: true }]),
  )
  await finds(t, 'Group', {
    'characteristic-value=gender$mixed': 'g1',
    'characteristic-value=owner$John': 'g1',
    'characteristic-value=gender$John': 'g2',
    'characteristic-value=adult$true': 'g2',
    'characteristic=owner&value=mixed': 'g1',
  })
  const library = (id: string, ...useContext: readonly object[]) => ({
    resourceType: 'Library',
    id,
    status: 'active',
    type: { text: 'x' },
    useContext,
  })
  await put(
    library(
      'l1',
      { code: { code: 'age' }, valueRange: { low: quantity(18, 'a'), high: quantity(65, 'a') } },
      { code: { code: 'focus' }, valueCodeableConcept: { coding: [{ code: 'x' }] } },
    ),
    library('l2', { code: { code: 'focus' }, valueQuantity: quantity(30, 'a') }),
  )
  await finds(t, 'Library', {
    [`context-type-quantity=age$gt60|${ucum}|a`]: 'l1',
    [`context-type-quantity=focus$gt20|${ucum}|a`]: 'l2',
    [`context-type-quantity=age$gt780|${ucum}|mo`]: '',
    [`context-type-quantity=age$gt779|${ucum}|mo`]: 'l1',
    'context-type-value=focus$x': 'l1',
    'context-type-value=age$x': '',
  })
})
