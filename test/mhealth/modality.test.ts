import t from 'tap'
import { at, heartRate, receive, upload } from './upload.ts'

const received = (header: Record<string, unknown>) => {
  const { resource, device, repairs } = receive(upload({ ...heartRate(), header }))
  return { performer: resource.performer, device, repairs }
}
const schema_id = { namespace: 'omh', name: 'heart-rate', version: '2.0' }
const ieee = (modality: string) => ({
  uuid: '0a6f3c1e-5b7d-4c2a-9e8f-112233445566',
  schema_id,
  source_creation_date_time: at.date_time,
  modality,
  external_datasheets: [{ datasheet_type: 'manufacturer', datasheet_reference: 'Acme' }],
})
const omh = (modality: string) => ({
  id: 'diary-1',
  schema_id,
  creation_date_time: at.date_time,
  acquisition_provenance: { source_name: 'Diary', modality },
})

t.test(
  'what people report themselves is performed by them and measured by no device, however that is spelled',
  async t => {
    const own = { performer: [{ reference: 'Patient/ann' }], device: undefined }
    for (const header of [ieee, omh]) {
      t.strictSame(received(header('self-reported')), { ...own, repairs: [] })
      for (const spelled of ['self reported', 'self_reported'])
        t.strictSame(received(header(spelled)), { ...own, repairs: ['answer-spelling'] }, spelled)
    }
  },
)

t.test('what was sensed, or says neither, has no such performer', async t => {
  t.strictSame(received(ieee('sensed')), { performer: undefined, device: { manufacturer: 'Acme' }, repairs: [] })
  t.strictSame(received(omh('sensed')), { performer: undefined, device: { name: 'Diary' }, repairs: [] })
  t.strictSame(received(omh('unknown')), { performer: undefined, device: { name: 'Diary' }, repairs: ['answer-empty'] })
})

t.test('what a group reports is performed by nobody who is known', async t => {
  const { resource } = receive(
    upload({ ...heartRate(), header: ieee('self-reported') }, { subject: { reference: 'Group/family' } }),
  )
  t.equal(resource.performer, undefined)
})
