import type { Resource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { someoneWaits } from '../../support/someone-waits.ts'
import * as w from '../model/world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world
const importer = storeOf(w.client('importer', { policies: ['everything'] }))

await put(w.organization('university'), w.registered('ann', 'university'), { resourceType: 'Device', id: 'acme' })

const outcomeOf = async (type: ResourceType, id: string): Promise<string> => {
  const [written] = await importer.write([{ kind: 'delete', type, id }])
  return written?.outcome === 'refused' ? `${written.error.status} ${written.error.message}` : `${written?.outcome}`
}

const deviceOf = (patient: string, source: string): Resource => ({
  resourceType: 'Device',
  id: 'band',
  patient: { reference: `Patient/${patient}` },
  parent: { reference: `Device/${source}` },
})

/** Deletes what somebody else needs in something that is written, but not committed yet. */
const deletedWhile = async (type: ResourceType, id: string, needing: Resource): Promise<string> => {
  const { deletion } = await importer.atomic(async (store, connection) => {
    const resource = { ...needing, id: needing.id ?? '' }
    const [written] = await store.write([{ kind: 'update', id: resource.id, resource }])
    t.equal(written?.outcome, 'created')
    const deletion = outcomeOf(type, id)
    await Promise.race([deletion, someoneWaits(connection)])
    return { deletion }
  })
  return deletion
}

t.test('what somebody else is just making use of is not deleted', async t => {
  await put(w.organization('whole', 'university'), w.organization('studying', 'university'))
  await put(w.study('sleep', 'university', []), w.study('steps', 'university', []), w.groupOf('steps', 'university'))
  for (const [type, id, needing, because] of [
    ['Organization', 'whole', w.organization('part', 'whole'), /^409 The organization has parts/],
    ['Organization', 'studying', w.study('hearts', 'studying', []), /^409 The organization has, or had, studies/],
    ['ResearchStudy', 'sleep', w.enrols('sleep', 'ann'), /^409 A study with people in it/],
    ['Group', 'group-steps', w.enrols('steps', 'ann'), /^409 A study with people in it/],
    ['Device', 'acme', deviceOf('ann', 'acme'), /^409 The source is the parent of patients’ devices/],
  ] as const) {
    t.match(await deletedWhile(type, id, needing), because)
    t.equal((await importer.read(type, id)).id, id)
  }
})
