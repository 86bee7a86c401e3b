import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { at, point, upload } from '../../mhealth/upload.ts'
import { openStudies } from '../../support/study.ts'

const { server, send, update, institution, study, participant, patientToken } = await openStudies()
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const kinds = ['omh:blood-glucose']
const sugar = await study(manager, organization, 'Sugar', kinds)

let count = 0
const measured = (patient: string) => {
  const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-00000000${String(++count).padStart(4, '0')}`
  const body = { blood_glucose: { value: 80 + count, unit: 'mg/dL' }, effective_time_frame: at }
  return upload(point('omh:blood-glucose:4.0', body, { uuid }), { subject: { reference: `Patient/${patient}` } })
}

t.test('whoever uploaded a reading takes it back, even if nothing new of theirs is taken any more', async t => {
  const ann = await participant(manager, organization, sugar.id, kinds, 'Ann')
  const app = await patientToken(ann, 'patient/*.cruds patient/Consent.cruds')
  const post = (one: object) => send(app, 'POST', 'Observation', one)
  const first = measured(ann)
  const { id } = (await post(first)).json()
  const { entry } = (await send(app, 'GET', 'Consent')).json()
  await update(app, { ...entry[0].resource, status: 'inactive' })
  t.equal((await post(measured(ann))).statusCode, 403)
  t.equal((await post({ ...first, status: 'entered-in-error' })).statusCode, 200)
  t.match((await send('everything', 'GET', `Observation/${id}`)).json(), { status: 'entered-in-error' })
})

t.test('an app that reads nothing is answered what it has sent, and not what others have added', async t => {
  const ben = await participant(manager, organization, sugar.id, kinds, 'Ben')
  const [writes, reads] = [await patientToken(ben, 'patient/Observation.cu'), await patientToken(ben, 'patient/*.rs')]
  const first = measured(ben)
  const { id } = (await send(writes, 'POST', 'Observation', first)).json()
  const stored: Observation = (await send('everything', 'GET', `Observation/${id}`)).json()
  await update('everything', { ...stored, note: [{ text: 'for whoever reads' }] })
  t.match((await send(reads, 'GET', `Observation/${id}`)).body, 'for whoever reads')
  const again = await send(writes, 'POST', 'Observation', first)
  t.equal(again.statusCode, 200)
  t.match(again.json(), { id, valueQuantity: { value: 80 + count } })
  t.notMatch(again.body, 'for whoever reads')
})
