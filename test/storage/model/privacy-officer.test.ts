import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { ownerSystem } from '../../../src/access/owner.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const event = (id: string, organization: string | undefined, ...patients: readonly string[]): Resource => ({
  resourceType: 'AuditEvent',
  id,
  ...(organization === undefined ? {} : { meta: { tag: [{ system: ownerSystem, code: organization }] } }),
  type: { code: 'rest' },
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ requestor: true }],
  source: { observer: { display: 'server' } },
  ...(patients.length === 0 ? {} : { entity: patients.map(one => ({ what: { reference: `Patient/${one}` } })) }),
})
const role = (practitioner: string, organization: string, code = 'privacy-officer'): Resource => {
  const { id: _, ...resource } = w.role(practitioner, organization, code)
  return resource as Resource
}
const create = async (caller: Caller, resource: Resource) => {
  const [written] = await storeOf(caller).write([{ kind: 'create', resource }])
  return written?.outcome === 'refused' ? written.error.status : written?.outcome
}

await put(
  w.organization('university'),
  w.organization('lab', 'university'),
  w.organization('annex', 'university'),
  w.organization('elsewhere'),
  w.role('dean', 'university', 'manager'),
  { resourceType: 'Practitioner', id: 'friend', meta: { tag: [{ system: ownerSystem, code: 'university' }] } },
  w.role('head', 'lab', 'manager'),
  w.role('member', 'lab', 'member'),
  w.role('officer', 'university', 'privacy-officer'),
  w.role('lab-officer', 'lab', 'privacy-officer'),
  w.role('former', 'lab', 'privacy-officer', '2026-01-01'),
  w.registered('ann', 'lab'),
  w.registered('bob', 'lab'),
  w.study('open', 'lab', []),
  w.measured('pulse', 'ann', 'omh:heart-rate'),
  event('in-lab', 'lab', 'ann'),
  event('about-two', 'lab', 'ann', 'bob'),
  event('in-annex', 'annex'),
  event('in-elsewhere', 'elsewhere', 'ann'),
  event('of-the-server', undefined, 'ann'),
)

t.test('a privacy officer reads the record of their organization and of all below it', async t => {
  const seen = (caller: Caller) => see(storeOf(caller), 'AuditEvent')
  t.strictSame(await seen(w.staff('officer')), ['about-two', 'in-annex', 'in-lab'])
  t.strictSame(await seen(w.staff('lab-officer')), ['about-two', 'in-lab'])
  t.strictSame(await seen(w.staff('former')), [], 'their role is over')
  t.strictSame(await seen(w.staff('dean')), [], 'a manager is not a privacy officer')
  t.strictSame(await seen(w.staff('officer', 'user/*.rs', 'open')), [], 'nor is a token for one study')
  t.strictSame(await seen(w.administrator), [])
  t.strictSame(
    await seen(w.patient('ann')),
    ['in-elsewhere', 'in-lab', 'of-the-server'],
    'the patient reads what concerns nobody else',
  )
})

t.test('the role alone lets them read nothing else', async t => {
  const officer = storeOf(w.staff('officer'))
  for (const type of ['Patient', 'Observation', 'ResearchStudy', 'Organization', 'PractitionerRole', 'Person'] as const)
    t.strictSame(await see(officer, type), [], type)
  t.equal(await create(w.staff('officer'), event('x', 'lab')), 403, 'nor do they write any')
  t.equal(await create(w.registrar('officer', 'university'), role('friend', 'lab', 'viewer')), 403)
})

t.test('the role is given by a manager of the organization or above, never to oneself', async t => {
  t.equal(await create(w.staff('dean'), role('friend', 'lab')), 'created')
  t.equal(await create(w.staff('head'), role('friend', 'lab')), 'created')
  t.equal(await create(w.staff('head'), role('head', 'lab')), 403, 'oneself')
  t.equal(await create(w.staff('head'), role('friend', 'university')), 403, 'above')
  t.equal(await create(w.staff('member'), role('friend', 'lab')), 403)
  t.equal(await create(w.staff('lab-officer'), role('friend', 'lab')), 403)
  t.equal(await create(w.administrator, role('friend', 'elsewhere')), 'created')
})

t.test('an organization that has a privacy officer is not deleted', async t => {
  const [written] = await storeOf(w.client('importer', { policies: ['everything'] })).write([
    { kind: 'delete', type: 'Organization', id: 'elsewhere' },
  ])
  t.match(written, { outcome: 'refused', error: { status: 409 } })
})
