import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { valueText } from '../../../src/web/patient/reading-text.ts'

t.test('a unit is written as the charts write it, however the device spelled the litre', async t => {
  const written = (unit: string) => valueText({ digits: '5' }, unit, undefined, wordsFor('en'))
  t.same(['mg/dl', 'mmol/l', 'mg/dL', 'ml', 'beats/min'].map(written), [
    '5 mg/dL',
    '5 mmol/L',
    '5 mg/dL',
    '5 ml',
    '5 beats/min',
  ])
})
