import t from 'tap'
import { deviceName, deviceNameOrId, nameText } from '../../src/fhir/display-name.ts'

t.test('a name is shown as its text, or as its given names and the family name', async t => {
  t.equal(nameText({ text: 'Ana Díaz', family: 'Other' }), 'Ana Díaz')
  t.equal(nameText({ given: ['Ana', 'María'], family: 'Díaz' }), 'Ana María Díaz')
  t.equal(nameText({ given: ['Ana'] }), 'Ana')
  t.equal(nameText(undefined), '')
  for (const unseen of ['\u3164', '\u2800 ', '\u{e0055}\u{e006e}', '\u200b']) {
    t.equal(nameText({ text: unseen, family: 'Díaz' }), 'Díaz', 'one that cannot be seen is none')
    t.equal(nameText({ given: [unseen], family: unseen }), '')
  }
})

t.test('a part of a name that only has extensions leaves no gap', async t => {
  t.equal(nameText(JSON.parse('{"given":[null,"Ana"],"family":"Díaz"}')), 'Ana Díaz')
})

t.test('a device without a name is called by its manufacturer and model', async t => {
  const named = { deviceName: [{ name: 'Cuff', type: 'model-name' as const }], modelNumber: 'B-2' }
  t.equal(deviceName({ resourceType: 'Device', ...named }), 'Cuff')
  t.equal(deviceName({ resourceType: 'Device', manufacturer: 'Acme', modelNumber: 'B-2' }), 'Acme B-2')
  t.equal(deviceName({ resourceType: 'Device', modelNumber: 'B-2' }), 'B-2')
})

t.test('a device of which nothing is known is called by its id where a text is needed', async t => {
  t.equal(deviceName({ resourceType: 'Device', id: '1' }), undefined)
  t.equal(deviceNameOrId({ resourceType: 'Device', id: '1' }), '1')
})
