import type { Practitioner, Resource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { privacyOfficer } from '../../../src/access/vocabulary.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world
const manager = storeOf(w.staff('dean'))
await put(w.organization('lab'), w.role('dean', 'lab', 'manager'))

const practitioner = (id: string): Practitioner => ({
  resourceType: 'Practitioner',
  id,
  meta: { tag: [{ system: ownerSystem, code: 'lab' }] },
  name: [{ text: id }],
})
const account = (id: string): Resource => ({
  resourceType: 'Person',
  id: `person-${id}`,
  link: [{ target: { reference: `Practitioner/${id}` } }],
})
const removed = async (type: ResourceType, id: string) => {
  const [written] = await manager.write([{ kind: 'delete', type, id }])
  if (written?.outcome !== 'refused') return written?.outcome
  return `${written.error.status} ${written.error.message}`
}
const after = (what: string) =>
  `409 The practitioner has ${what} first. Otherwise it would go on, and nobody could find it to end it`

t.test('a practitioner with an account is not deleted before it', async t => {
  await put(practitioner('rosa'), account('rosa'))
  t.equal(await removed('Practitioner', 'rosa'), after('an account: its Person is deleted'))
  t.equal((await manager.read('Practitioner', 'rosa')).id, 'rosa')
  t.equal(await removed('Person', 'person-rosa'), 'deleted')
  t.equal(await removed('Practitioner', 'rosa'), 'deleted')
})

for (const code of ['viewer', privacyOfficer] as const)
  t.test(`one with the role of a ${code} is not deleted before it has ended`, async t => {
    const id = `jens-${code}`
    await put(practitioner(id), w.role(id, 'lab', code))
    t.equal(await removed('Practitioner', id), after('a role: it is ended'))
    await put(w.role(id, 'lab', code, '2026-01-01'))
    t.equal(await removed('Practitioner', id), 'deleted')
  })

t.test('nor one whose role has not begun', async t => {
  await put(practitioner('mia'), {
    ...w.role('mia', 'lab', 'member'),
    period: { start: '2999-01-01' },
  } as Resource)
  t.equal(await removed('Practitioner', 'mia'), after('a role: it is ended'))
})

t.test('one who never came in is deleted', async t => {
  await put(practitioner('typo'))
  t.equal(await removed('Practitioner', 'typo'), 'deleted')
})
