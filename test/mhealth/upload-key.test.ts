import t from 'tap'
import { heartRate, point, receive, upload } from './upload.ts'

const keyOf = (document: unknown, more: Record<string, unknown> = {}) => receive(upload(document, more)).uploadKey
const withHeader = (header: Record<string, unknown>) => point('omh:heart-rate:2.0', heartRate().body, header)

t.test(
  'a change that is yet to come is none: from a wrong clock it would keep out every correction until then',
  async t => {
    const revised = (time: string) => keyOf(withHeader({ source_last_modification_date_time: time }))?.revised
    t.equal(revised('2026-10-31T12:00:00Z'), Date.parse('2026-10-31T12:00:00Z'))
    t.equal(revised('2026-11-01T00:15:00Z'), Date.parse('2026-11-01T00:15:00Z'), 'a clock may be a little ahead')
    t.equal(revised('2026-11-01T00:15:01Z'), undefined)
  },
)

t.test('what numbers records is its vendor, or, if none is named, the device that sent them', async t => {
  const recordOf = (header: Record<string, unknown>, device: string) =>
    keyOf(withHeader({ source_data_point_id: '7', ...header }), { device: { reference: `Device/${device}` } })?.record
  t.not(recordOf({}, 'scale'), recordOf({}, 'cuff'))
  t.equal(recordOf({}, 'cuff'), recordOf({}, 'cuff'))
  const acme = { external_datasheets: [{ datasheet_type: 'manufacturer', datasheet_reference: 'Acme' }] }
  t.equal(recordOf(acme, 'scale'), recordOf(acme, 'cuff'), 'a vendor numbers them for all its devices')
})

t.test('a measurement is the same at whatever offset its moment is given, and another a microsecond later', async t => {
  const measuredAt = (date_time: string) =>
    keyOf(heartRate(64, { effective_time_frame: { date_time } }))?.measurement?.digest
  const digest = measuredAt('2026-03-01T07:30:00.123Z')
  t.equal(measuredAt('2026-03-01T08:30:00.123+01:00'), digest)
  t.not(measuredAt('2026-03-01T07:30:00.1231Z'), digest)
  t.not(measuredAt('2026-03-01T08:30:00.1232+01:00'), measuredAt('2026-03-01T08:30:00.1231+01:00'))
})
