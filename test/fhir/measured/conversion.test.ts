import t from 'tap'
import { conversionTo, unitlessDimension } from '../../../src/fhir/measured/conversion.ts'

t.test('values of a dimension are converted to a unit through their base units', t => {
  t.match(conversionTo('kg'), { factor: 1 / 1000, shift: 0 })
  t.match(conversionTo('Cel'), { factor: 1, shift: 273.15 })
  t.equal(conversionTo('{steps}')?.dimension, unitlessDimension())
  t.equal(conversionTo('steps'), undefined)
  t.end()
})
