import type { Resource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf, database } = world
const importer = storeOf(w.client('importer', { policies: ['everything'] }))
const manager = storeOf(w.staff('dean'))

await put(w.organization('university'), w.role('dean', 'university', 'manager'))

const removed = async (type: ResourceType, id: string, store = importer) => {
  const [written] = await store.write([{ kind: 'delete', type, id }])
  if (written?.outcome !== 'refused') return written?.outcome
  return `${written.error.status} ${written.error.message}`
}
const isClosedInstead = (what: string) =>
  `409 The organization ${what}: it is closed, by active=false, and not deleted. What is recorded of it would be shown to nobody`
const location = (organization: string): Resource => ({
  resourceType: 'Location',
  id: `room-${organization}`,
  meta: { tag: [{ system: ownerSystem, code: organization }] },
})

t.test('an organization that was never used is deleted by a manager of what is above it', async t => {
  await put(w.organization('empty', 'university'))
  t.equal(await removed('Organization', 'empty', manager), 'deleted')
})

t.test('one with people, patients or studies is closed instead, even if these have ended or are deleted', async t => {
  for (const [id, what, ...used] of [
    ['whole', 'has parts', w.organization('part', 'whole')],
    ['staffed', 'has, or had, people with a role in it', w.role('member', 'staffed', 'member')],
    ['led', 'has, or had, people with a role in it', w.role('leaver', 'led', 'member', '2026-01-01')],
    ['registering', 'has, or had, patients', w.registered('ann', 'registering')],
    ['studying', 'has, or had, studies', w.study('s', 'studying', [w.requests('omh:heart-rate')])],
  ] as const) {
    await put(w.organization(id, 'university'), ...used)
    t.equal(await removed('Organization', id, manager), isClosedInstead(what), id)
    for (const one of used) if (one.resourceType !== 'Organization') await removed(one.resourceType, one.id ?? '')
    t.equal(await removed('Organization', id, manager), isClosedInstead(what), `${id}, once it is deleted`)
    t.equal((await importer.read('Organization', id)).id, id)
  }
})

t.test('one that owns anything, or has apps or EHRs, is closed instead, as long as it does', async t => {
  await put(w.organization('owning', 'university'), location('owning'))
  t.equal(await removed('Organization', 'owning', manager), isClosedInstead('owns resources'))
  await removed('Location', 'room-owning')
  t.equal(await removed('Organization', 'owning', manager), 'deleted')
  await put(w.organization('connected', 'university'))
  await database.run(sql.fragment`INSERT INTO client (id, name, organization) VALUES ('app', 'App', 'connected')`)
  t.equal(await removed('Organization', 'connected', manager), isClosedInstead('has apps'))
  await database.run(sql.fragment`DELETE FROM client WHERE id = 'app'`)
  await database.run(sql.fragment`
    INSERT INTO smart_client_config (issuer, organization, client_id, authentication, scope, requires_nonce, enabled)
    VALUES ('https://ehr.example.org', 'connected', 'id', 'none', '', false, false)`)
  t.equal(await removed('Organization', 'connected', manager), isClosedInstead('has EHRs'))
  await database.run(sql.fragment`DELETE FROM smart_client_config`)
  t.equal(await removed('Organization', 'connected', manager), 'deleted')
})
