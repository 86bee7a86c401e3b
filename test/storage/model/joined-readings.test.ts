import type { Device, Person } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf, deriveAnew } = world

const deviceOf = (patient: string, id: string, parent?: string): Device => ({
  resourceType: 'Device',
  id,
  patient: { reference: `Patient/${patient}` },
  ...(parent === undefined ? {} : { parent: { reference: `Device/${parent}` } }),
})
const by = (id: string, patient: string, device: string, kind = heartRate) =>
  w.measured(id, patient, kind, { device: { reference: `Device/${device}` } })
const from = (id: string, patient: string, ...sources: readonly string[]) =>
  w.measured(id, patient, weight, { derivedFrom: sources.map(one => ({ reference: `Observation/${one}` })) })
const account: Person = {
  resourceType: 'Person',
  id: 'account',
  link: ['ann', 'anna'].map(one => ({ target: { reference: `Patient/${one}` } })),
}
const seen = () => see(storeOf(w.staff('researcher')), 'Observation')

await put(w.organization('lab'), w.role('researcher', 'lab', 'viewer'), { resourceType: 'Device', id: 'acme' })
await put(w.registered('ann', 'lab'), w.registered('anna', 'lab'))
await put(w.study('hearts', 'lab', [w.requests(heartRate, 'acme'), w.requests(weight)]), w.enrols('hearts', 'ann'))
await put(
  w.consent('hearts', 'ann', 'active', [
    w.permit(heartRate, { data: [{ meaning: 'instance', reference: { reference: 'Device/acme' } }] }),
    w.permit(weight),
  ]),
)
await put(deviceOf('ann', 'band', 'acme'), deviceOf('anna', 'watch', 'acme'), deviceOf('ann', 'plain'))
await put(
  by('ann-band', 'ann', 'band'),
  w.measured('ann-weight', 'ann', weight),
  w.measured('ann-other', 'ann', heartRate),
)

t.test('what names something of another patient has no source, and is derived from something unknown', async t => {
  await put(by('anna-band', 'anna', 'band'), by('anna-plain', 'anna', 'plain'), by('ann-watch', 'ann', 'watch'))
  await put(from('of-weight', 'anna', 'ann-weight'), from('of-other', 'anna', 'ann-other'))
  await put(from('of-both', 'anna', 'ann-weight', 'ann-other'), from('of-unknown', 'anna', 'ann-weight', 'unknown'))
  t.strictSame(await seen(), ['ann-band', 'ann-weight'])
})

t.test(
  'once both are one patient, it has its source, and is read by those who read what it was derived from',
  async t => {
    await put(account)
    const all = ['ann-band', 'ann-watch', 'ann-weight', 'anna-band', 'of-weight']
    t.strictSame(await seen(), all)
    await put(w.measured('unknown', 'ann', weight))
    const more = [...all, 'of-unknown', 'unknown'].sort()
    t.strictSame(await seen(), more, 'what it still awaited has come')
    await deriveAnew()
    t.strictSame(await seen(), more, 'derived anew')
  },
)
