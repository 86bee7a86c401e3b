import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const binary = (context?: string, id?: string): Resource => ({
  resourceType: 'Binary',
  ...(id === undefined ? {} : { id }),
  contentType: 'text/plain',
  data: 'eA==',
  ...(context === undefined ? {} : { securityContext: { reference: context } }),
})
const outcome = async (caller: Caller, write: Parameters<ReturnType<typeof storeOf>['write']>[0][number]) => {
  const [written] = await storeOf(caller).write([write])
  return written?.outcome === 'refused' ? written.error.status : written?.outcome
}
const create = (caller: Caller, context?: string) => outcome(caller, { kind: 'create', resource: binary(context) })

await put(
  w.organization('lab'),
  w.organization('elsewhere'),
  w.role('member', 'lab', 'member'),
  w.role('viewer', 'lab', 'viewer'),
  w.role('visitor', 'elsewhere', 'manager'),
  w.registered('ann', 'lab'),
  w.registered('bob', 'elsewhere'),
  w.measured('pulse', 'ann', 'omh:heart-rate'),
  w.study('open', 'lab', []),
  binary('Patient/ann', 'of-ann'),
  binary('Patient/bob', 'of-bob'),
  binary('Observation/pulse', 'of-pulse'),
  binary('ResearchStudy/open', 'of-study'),
  binary('Patient/nobody', 'of-nobody'),
)
const member = w.registrar('member', 'lab')
const viewer = w.staff('viewer')
const visitor = w.registrar('visitor', 'elsewhere')
const ann = w.patient('ann', 'patient/*.cruds patient/Binary.cruds')

t.test('a Binary can be read by whoever can read what its securityContext names', async t => {
  const seen = (caller: Caller) => see(storeOf(caller), 'Binary')
  t.strictSame(await seen(member), ['of-ann', 'of-study'])
  t.strictSame(await seen(viewer), ['of-ann', 'of-study'])
  t.strictSame(await seen(visitor), ['of-bob'])
  t.strictSame(await seen(ann), ['of-ann', 'of-pulse'])
  t.strictSame(await seen(w.patient('ann')), [], 'it needs a scope of its own')
  t.strictSame(await seen(w.patient('ann', 'patient/Binary.rs patient/Observation.rs')), ['of-pulse'])
  t.strictSame(await seen(w.administrator), [])
})

t.test('it can be written by whoever can write that', async t => {
  t.equal(await create(member, 'Patient/ann'), 'created')
  t.equal(await create(member, 'ResearchStudy/open'), 'created')
  t.equal(await create(viewer, 'Patient/ann'), 403)
  t.equal(await create(member, 'Observation/pulse'), 403)
  t.equal(await create(member, 'Patient/bob'), 403)
  t.equal(await create(member, 'Patient/nobody'), 403)
  t.equal(await create(member), 'created', 'without a context it belongs to the organization')
  t.equal(await create(viewer), 403)
  t.equal(await create(ann, 'Observation/pulse'), 'created')
  t.equal(await create(ann, 'Patient/bob'), 403)
  t.equal(await create(ann), 403)
  t.equal(await create(w.administrator, 'Patient/ann'), 403)
})

t.test('only somebody who can write both contexts moves it to another one', async t => {
  const move = (caller: Caller, context: string) =>
    outcome(caller, { kind: 'update', id: 'of-ann', resource: binary(context, 'of-ann') })
  t.equal(await move(member, 'Patient/bob'), 403)
  t.equal(await move(visitor, 'Patient/bob'), 404)
  t.equal(await move(member, 'ResearchStudy/open'), 'updated')
  t.equal(await move(ann, 'Patient/ann'), 404, 'it belongs to the study now')
  t.equal(await outcome(viewer, { kind: 'delete', type: 'Binary', id: 'of-ann' }), 403)
  t.equal(await outcome(member, { kind: 'delete', type: 'Binary', id: 'of-ann' }), 'deleted')
})
