import type { Device } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'

const world = await w.openWorld()
t.teardown(world.close)
const { database, importer, put, see, storeOf } = world

const band = (parent?: string, id = 'band', patient = 'ann'): Device => ({
  resourceType: 'Device',
  id,
  patient: { reference: `Patient/${patient}` },
  ...(parent === undefined ? {} : { parent: { reference: `Device/${parent}` } }),
})
const by = (id: string, device: string, patient = 'ann') =>
  w.measured(id, patient, heartRate, { device: { reference: `Device/${device}` } })
const seen = () => see(storeOf(w.staff('researcher')), 'Observation')

await put(
  w.organization('lab'),
  w.role('researcher', 'lab', 'viewer'),
  { resourceType: 'Device', id: 'acme', manufacturer: 'Acme' },
  { resourceType: 'Device', id: 'other', manufacturer: 'Other' },
  w.registered('ann', 'lab'),
  w.study('hearts', 'lab', [w.requests(heartRate, 'acme')]),
  w.enrols('hearts', 'ann'),
  w.consent('hearts', 'ann', 'active', [
    w.permit(heartRate, { data: [{ meaning: 'instance', reference: { reference: 'Device/acme' } }] }),
  ]),
  band('acme'),
  band('acme', 'band-2'),
  by('first', 'band'),
  by('second', 'band-2'),
)

t.test('data of a device belongs to the source that the device names', async t => {
  t.strictSame(await seen(), ['first', 'second'])
  await put(band('other'))
  t.strictSame(await seen(), ['second'], 'the source was wrong')
  await put(by('third', 'band'))
  t.strictSame(await seen(), ['second'], 'data that is stored right after that, too')
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Observation', 'code=omh:heart-rate'), ['second'])
  await put(band('acme'))
  t.strictSame(await seen(), ['first', 'second', 'third'])
  await importer.write(
    [band('other'), by('fourth', 'band')].map(resource => ({ kind: 'update', id: resource.id ?? '', resource })),
  )
  t.strictSame(await seen(), ['second'], 'data that is stored together with that, too')
  await put(band('acme'))
  t.strictSame(await seen(), ['first', 'fourth', 'second', 'third'])
  await put(band())
  t.strictSame(await seen(), ['second'], 'it names no source')
  await put(band('band-2'))
  t.strictSame(await seen(), ['second'], 'a device of a patient is not a source')
})

t.test('a device can be stored after what it has measured', async t => {
  await put(by('early', 'late'))
  t.notOk((await seen()).includes('early'))
  await put(band('acme', 'late'))
  t.ok((await seen()).includes('early'))
})

t.test('a device that is stored while others write what it has measured is the source of that as well', async t => {
  const later = Promise.withResolvers<void>()
  // Whoever stores an Observation under an id of their own waits for this, when its source has been looked up.
  const holding = database.transaction(async connection => {
    await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('derived_from'), patient_id) FROM patient_compartment WHERE id = 'ann'`)
    await later.promise
  })
  const measured = put(by('meanwhile', 'new'))
  await someoneWaits(database)
  const device = put(band('acme', 'new'))
  await Promise.race([device, someoneWaits(database, 2)])
  later.resolve()
  await Promise.all([holding, measured, device])
  t.ok((await seen()).includes('meanwhile'))
  await importer.write([{ kind: 'delete', type: 'Observation', id: 'meanwhile' }])
})

t.test('a deleted device has no source, and one that returns has the source that it then names', async t => {
  const others = ['early', 'second']
  const remove = () => importer.write([{ kind: 'delete', type: 'Device', id: 'band' }])
  await put(band('acme'))
  t.strictSame(await seen(), ['early', 'first', 'fourth', 'second', 'third'])
  await remove()
  t.strictSame(await seen(), others)
  await put(by('fifth', 'band'))
  t.strictSame(await seen(), others, 'data that is stored right after that, too')
  await put(band())
  t.strictSame(await seen(), others, 'it names none now')
  await remove()
  await put(band('other'))
  t.strictSame(await seen(), others)
  await remove()
  await put(band('acme'))
  t.strictSame(await seen(), ['early', 'fifth', 'first', 'fourth', 'second', 'third'])
})
