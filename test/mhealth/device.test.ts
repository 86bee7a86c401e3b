import t from 'tap'
import { deviceOf } from '../../src/mhealth/device.ts'

const sheet = (datasheet_type: string, datasheet_reference: unknown) => ({ datasheet_type, datasheet_reference })
const of = (...external_datasheets: readonly object[]) => deviceOf({ modality: 'sensed', external_datasheets })

t.test('a device is what a header’s datasheets name, however worded, and what its source calls it', async t => {
  t.strictSame(
    of(
      sheet('manufacturer', 'iHealth'),
      sheet('Model number', ' BP5 '),
      sheet('serial_number', '4711'),
      sheet('UDI', '(01)1'),
    ),
    { manufacturer: 'iHealth', model: 'BP5', serial: '4711', udi: '(01)1' },
  )
  t.strictSame(of(sheet('device', 'BP5')), { model: 'BP5' })
  t.strictSame(of(sheet('hardware', 'BP5')), { model: 'BP5' })
  t.strictSame(deviceOf({ acquisition_provenance: { source_name: ' Acme BG API ' } }), { name: 'Acme BG API' })
})

t.test('what FHIR cannot have in a text is left out, and makes no device by itself', async t => {
  t.strictSame(
    deviceOf({
      acquisition_provenance: { source_name: 'Acme\u0000\u001fAPI' },
      external_datasheets: [sheet('model', 'BP5\ud83d'), sheet('serial', '4\ud83d')],
    }),
    { name: 'Acme  API', model: 'BP5\ufffd' },
  )
})

t.test('a header that names no device, or nothing, makes none', async t => {
  t.equal(of(sheet('software', 'https://example.org/app'), sheet('study', 'https://example.org/study')), undefined)
  t.equal(of(sheet('manufacturer', ' '), sheet('model', 5), sheet('', 'iHealth')), undefined)
  t.strictSame(of(sheet('software', 'https://example.org/app'), sheet('model', 'BP5')), { model: 'BP5' })
  t.equal(of(), undefined)
  t.equal(deviceOf(undefined), undefined)
  t.equal(deviceOf({ acquisition_provenance: { source_name: ' ' } }), undefined)
})

t.test('what people report themselves was measured by no device, in either form of the header', async t => {
  const external_datasheets = [sheet('model', 'BP5')]
  t.equal(deviceOf({ modality: 'self-reported', external_datasheets }), undefined)
  t.equal(deviceOf({ acquisition_provenance: { modality: 'self-reported', source_name: 'Acme' } }), undefined)
  t.strictSame(deviceOf({ modality: 'sensed', external_datasheets }), { model: 'BP5' })
})
