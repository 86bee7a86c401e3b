import type { Device } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'

const world = await w.openWorld()
t.teardown(world.close)
const { importer, put, see, storeOf, deriveAnew } = world

const source = (id: string): Device => ({ resourceType: 'Device', id, manufacturer: 'Acme' })
const deviceOf = (patient: string, id: string, parent: string): Device => ({
  resourceType: 'Device',
  id,
  patient: { reference: `Patient/${patient}` },
  parent: { reference: `Device/${parent}` },
})
const by = (id: string, patient: string, device: string) =>
  w.measured(id, patient, heartRate, { device: { reference: `Device/${device}` } })
const from = (id: string) =>
  w.permit(heartRate, { data: [{ meaning: 'instance', reference: { reference: `Device/${id}` } }] })
const seen = () => see(storeOf(w.staff('researcher')), 'Observation')
const remove = async (id: string): Promise<string> => {
  const [done] = await importer.write([{ kind: 'delete', type: 'Device', id }])
  return done?.outcome === 'refused' ? `${done.error.status} ${done.error.message}` : `${done?.outcome}`
}
const retired = (what: string) => `409 The source ${what}: it is retired, by status=inactive, and not deleted`

await put(w.organization('lab'), w.role('researcher', 'lab', 'viewer'))
await put(w.registered('ann', 'lab'), w.registered('ben', 'lab'))

t.test('a source that Consents, studies or devices name is not deleted', async t => {
  await put(source('named'), source('asked'), source('worn'), source('unused'))
  await put(w.study('hearts', 'lab', [w.requests(heartRate, 'named'), w.requests(heartRate, 'asked')]))
  await put(w.enrols('hearts', 'ann'), w.consent('hearts', 'ann', 'active', [from('named')]))
  await put(deviceOf('ann', 'band', 'named'), deviceOf('ann', 'watch', 'worn'), by('first', 'ann', 'band'))
  for (const [id, why] of [
    ['named', retired('is named by Consents')],
    ['asked', retired('is asked for by studies')],
    ['worn', retired('is the parent of patients’ devices')],
    ['unused', 'deleted'],
  ] as const)
    t.equal(await remove(id), why)
  t.strictSame(await seen(), ['first'])
})

t.test('a source comes after what it has measured, or comes back, as if it had been there all the time', async t => {
  await put(by('direct', 'ben', 'late'), deviceOf('ben', 'ring', 'late'), by('of-ring', 'ben', 'ring'))
  await put(source('late'), w.study('sleep', 'lab', [w.requests(heartRate, 'late')]))
  await put(w.enrols('sleep', 'ben'), w.consent('sleep', 'ben', 'active', [from('late')]))
  t.strictSame(await seen(), ['direct', 'first', 'of-ring'])
  await put(source('returned'))
  t.equal(await remove('returned'), 'deleted')
  await put(by('meanwhile', 'ben', 'returned'), source('returned'))
  await put(w.study('steps', 'lab', [w.requests(heartRate, 'returned')]))
  await put(w.enrols('steps', 'ben'), w.consent('steps', 'ben', 'active', [from('returned')]))
  const all = ['direct', 'first', 'meanwhile', 'of-ring']
  t.strictSame(await seen(), all)
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Observation', `code=${heartRate}`), all)
  await deriveAnew()
  t.strictSame(await seen(), all, 'derived anew')
})
