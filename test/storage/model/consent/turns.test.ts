import type { Patient, ResearchSubject, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Connection } from '../../../../src/storage/database.ts'
import { mostTurns, takeTurn } from '../../../../src/storage/model/consent/turn.ts'
import { sql } from '../../../../src/storage/sql.ts'
import type { Store } from '../../../../src/storage/store.ts'
import { openFullStore } from '../../../support/full-store.ts'

const { store, close } = await openFullStore()
t.teardown(close)

/** Ids of what is created, with the ids that it has, if it has any. */
const create = async (within: Store, ...resources: readonly Resource[]): Promise<readonly string[]> =>
  (
    await within.write(
      resources.map(resource => ({ kind: 'create', resource, ...(resource.id && { id: resource.id }) })),
    )
  ).map(one => {
    if (one.outcome !== 'created') throw new Error(JSON.stringify(one))
    return one.id
  })
const place = (patient: string): ResearchSubject => ({
  resourceType: 'ResearchSubject',
  status: 'candidate',
  study: { reference: 'ResearchStudy/sleep' },
  individual: { reference: `Patient/${patient}` },
})
const turnsHeld = async (connection: Connection): Promise<number> => {
  const { turns } = await connection.one<{ turns: number }>(sql.fragment`
    SELECT count(*)::integer AS turns FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND classid::bigint = hashtext('consent')::bigint & 4294967295`)
  return turns
}
/** How many turns a transaction takes that registers the Patients and gives them a place in a study. */
const turnsOf = (patients: readonly Patient[], known: readonly string[] = []): Promise<number> =>
  store.atomic(async (within, connection) => {
    const ids = await create(within, ...patients)
    await create(within, ...[...ids, ...known].map(place))
    return turnsHeld(connection)
  })

t.test(
  'a turn is taken for each patient whom others may know, so that a list of new ones may be of any length',
  async t => {
    await create(store, { resourceType: 'ResearchStudy', id: 'sleep', status: 'active', title: 'Sleep' })
    const known = await create(store, { resourceType: 'Patient' })
    const fresh = (): readonly Patient[] => Array.from({ length: 12 }, () => ({ resourceType: 'Patient' }))
    t.equal(await turnsOf(fresh()), 0)
    t.equal(await turnsOf(fresh(), known), 1)
    t.equal(await turnsOf([{ resourceType: 'Patient', id: 'chosen' }]), 1, 'an id that was chosen may be known')
  },
)

t.test(
  'a transaction that changes very many patients takes the turn of everybody instead, and others wait',
  async t => {
    const turns = new Set(Array.from({ length: mostTurns }, (_, index) => index + 1))
    const isFree = () =>
      store
        .atomic(async (_, other) => {
          await other.run(sql.fragment`SET LOCAL lock_timeout = '100ms'`)
          await takeTurn(other, 5, {})
        })
        .then(
          () => true,
          () => false,
        )
    await store.atomic(async (_, connection) => {
      await takeTurn(connection, 7, { turns })
      t.equal(await turnsHeld(connection), 1, 'one of those many')
      t.ok(await isFree())
      await takeTurn(connection, mostTurns + 1, { turns })
      await takeTurn(connection, mostTurns + 2, { turns })
      t.equal(await turnsHeld(connection), 1)
      t.notOk(await isFree())
    })
    t.ok(await isFree())
  },
)
