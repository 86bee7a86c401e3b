import t from 'tap'
import { parseJson } from '../../src/fhir/json.ts'
import { quantityIn } from '../../src/mhealth/quantity.ts'

const system = 'http://unitsofmeasure.org'
const inTheUnits = (units: readonly string[], value: number, unit: string) => {
  const found = quantityIn({ of: { value, unit } }, 'of', { units })
  return found && { ...found, value: JSON.stringify(found.value) }
}

t.test('a mass in any unit of the schema is converted to kilograms, exactly', async t => {
  const kilograms = (value: number, unit: string) => inTheUnits(['kg', 'g', '[lb_av]'], value, unit)
  const kg = (value: string) => ({ value, unit: 'kg', system, code: 'kg' })
  t.strictSame(kilograms(2, 'fg'), kg('0.000000000000000002'))
  t.strictSame(kilograms(2, 'pg'), kg('0.000000000000002'))
  t.strictSame(kilograms(2, 'ng'), kg('0.000000000002'))
  t.strictSame(kilograms(2, 'ug'), kg('0.000000002'))
  t.strictSame(kilograms(2.5, 'mg'), kg('0.0000025'))
  t.strictSame(kilograms(0.08, 'Metric Ton'), kg('80'))
  t.strictSame(kilograms(3, 'gr'), kg('0.00019439673'))
  t.strictSame(kilograms(2800, 'oz'), kg('79.378664750000'))
  t.strictSame(kilograms(0.1, 'Ton'), kg('90.718474'))
  t.strictSame(kilograms(180.5, 'lb'), { value: '180.5', unit: 'lb', system, code: '[lb_av]' })
  t.strictSame(kilograms(4100, 'g'), { value: '4100', unit: 'g', system, code: 'g' })
})

t.test('a length in any unit of the schema is converted to centimetres, exactly', async t => {
  const centimetres = (value: number, unit: string) => inTheUnits(['cm', '[in_i]'], value, unit)
  const cm = (value: string) => ({ value, unit: 'cm', system, code: 'cm' })
  t.strictSame(centimetres(2, 'fm'), cm('0.0000000000002'))
  t.strictSame(centimetres(2, 'pm'), cm('0.0000000002'))
  t.strictSame(centimetres(2, 'nm'), cm('0.0000002'))
  t.strictSame(centimetres(2, 'um'), cm('0.0002'))
  t.strictSame(centimetres(1755, 'mm'), cm('175.5'))
  t.strictSame(centimetres(1.755, 'm'), cm('175.5'))
  t.strictSame(centimetres(0.0018, 'km'), cm('180'))
  t.strictSame(centimetres(5.75, 'ft'), cm('175.2600'))
  t.strictSame(centimetres(2, 'yd'), cm('182.88'))
  t.strictSame(centimetres(0.001, 'mi'), cm('160.9344'))
  t.strictSame(centimetres(69, 'in'), { value: '69', unit: 'in', system, code: '[in_i]' })
})

t.test('a temperature in kelvins is converted to degrees Celsius, below zero too', async t => {
  const celsius = (value: number, unit: string) => inTheUnits(['Cel', '[degF]'], value, unit)
  const cel = (value: string) => ({ value, unit: 'C', system, code: 'Cel' })
  t.strictSame(celsius(310.15, 'K'), cel('37.00'))
  t.strictSame(celsius(263.05, 'K'), cel('-10.10'))
  t.strictSame(celsius(273.15, 'K'), cel('0.00'))
  t.strictSame(celsius(36.6, 'C'), cel('36.6'))
  t.strictSame(celsius(98.6, 'F'), { value: '98.6', unit: 'F', system, code: '[degF]' })
})

t.test('what is not a number with a unit is not a quantity, and an unknown unit has no code', async t => {
  t.equal(quantityIn({ of: { value: '5', unit: 'kg' } }, 'of', {}), undefined)
  t.equal(quantityIn({ of: { value: 5 } }, 'of', {}), undefined)
  t.equal(quantityIn({ of: 5 }, 'of', {}), undefined)
  t.equal(quantityIn({}, 'of', {}), undefined)
  t.strictSame(quantityIn({ of: { value: 5, unit: 'stone' } }, 'of', { units: ['kg'] }), { value: 5, unit: 'stone' })
})

t.test('a unit that is asked for in no other is kept, and one that cannot be converted gives no quantity', async t => {
  t.strictSame(quantityIn({ of: { value: 5, unit: 'kg' } }, 'of', {}), { value: 5, unit: 'kg', system, code: 'kg' })
  t.equal(inTheUnits(['kg'], 5, 'mmHg'), undefined)
  t.equal(inTheUnits(['kg'], 5, 'lb'), undefined, 'pounds are a unit of their own, wherever they are allowed')
  const reaching = (text: string) => quantityIn({ of: { value: parseJson(text), unit: 'mg' } }, 'of', { units: ['kg'] })
  t.ok(reaching('1e100'))
  t.equal(reaching('1e101'), undefined, 'nobody has measured it')
})

t.test('a rate per day, week, month or meal has such a unit', async t => {
  const bare = { unit: 'steps', code: '{steps}' }
  const per = (descriptive_statistic_denominator: string) =>
    quantityIn({ steps: 9000, descriptive_statistic_denominator }, 'steps', { bare })
  t.strictSame(per('d'), { value: 9000, unit: 'steps/d', system, code: '{steps}/d' })
  t.strictSame(per('wk'), { value: 9000, unit: 'steps/wk', system, code: '{steps}/wk' })
  t.strictSame(per('Mo'), { value: 9000, unit: 'steps/Mo', system, code: '{steps}/mo' })
  t.strictSame(per('meal'), { value: 9000, unit: 'steps/meal', system, code: '{steps}/{meal}' })
  t.strictSame(per('two days'), { value: 9000, unit: 'steps/two days' })
  const rate = (of: unknown) => quantityIn({ of, descriptive_statistic_denominator: 'd' }, 'of', {})
  t.strictSame(rate({ value: 5, unit: 'stone' }), { value: 5, unit: 'stone/d' })
  t.equal(rate({ value: '5', unit: 'kg' }), undefined)
})
