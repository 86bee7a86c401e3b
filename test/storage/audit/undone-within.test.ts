import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { auditedStore } from '../../../src/storage/audit/audited-store.ts'
import { noTrail } from '../../../src/storage/audit/trail.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { openWorld } from '../model/world.ts'

const world = await openWorld()
t.teardown(() => world.close())

const refusal = new FhirError('conflict', 'no')
const patient = (store: Store, id: string) =>
  store.write([{ kind: 'update', id, resource: { resourceType: 'Patient', id } }])

t.test('for a part of a commit that was undone, it is recorded that it was tried and not that it was done', async t => {
  const registry = loadRegistry()
  const store = auditedStore(world.importer, { registry, trail: noTrail, agent: { client: 'importer' } })
  await store.atomic(async within => {
    const part = within.atomic(async inner => {
      await patient(inner, 'ann')
      throw refusal
    })
    await t.rejects(part, refusal)
    await within.atomic(inner => patient(inner, 'bob'))
  })
  const done = await world.database.any(sql.fragment`SELECT resource, outcome FROM audit_record ORDER BY id`)
  t.strictSame(done, [
    { resource: 'bob', outcome: 201 },
    { resource: 'ann', outcome: 409 },
  ])
})
