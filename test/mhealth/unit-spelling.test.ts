import t from 'tap'
import { unitMeant } from '../../src/mhealth/unit-spelling.ts'

t.test('a unit that is spelled in another way is that of the schema', async t => {
  t.equal(unitMeant('mg/dl', 'blood_glucose'), 'mg/dL')
  t.equal(unitMeant('mmol/l', 'blood_glucose'), 'mmol/L')
  t.equal(unitMeant('lbs', 'body_weight'), 'lb')
  t.equal(unitMeant('[degF]', 'body_temperature'), 'F')
})

t.test('what is counted in a minute are breaths where breathing is measured, and otherwise beats', async t => {
  for (const spelled of ['/min', 'bpm', 'count/min']) {
    t.equal(unitMeant(spelled, 'respiratory_rate'), 'breaths/min', spelled)
    t.equal(unitMeant(spelled, 'heart_rate'), 'beats/min', spelled)
  }
  t.equal(unitMeant('beats/minute', 'respiratory_rate'), 'beats/min', 'if it says so itself')
})

t.test('a unit that is spelled as in the schema, or is unknown, means nothing else', async t => {
  for (const spelled of ['mg/dL', 'kg', 'beats/min', 'stone', 'Mg/dL', 'constructor', ''])
    t.equal(unitMeant(spelled, 'blood_glucose'), undefined, spelled)
})
