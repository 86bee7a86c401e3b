import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { keysInOrder } from '../../../src/storage/search/page-statement.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, enrol, create } = await openStudies()
t.teardown(() => server.close())

const kinds = ['omh:heart-rate'] as const
const { organization, manager } = await institution('lab')
const { id, researcher } = await study(manager, organization, 'identified', kinds)
const register = (family: string) =>
  create(manager, {
    resourceType: 'Patient',
    name: [{ family }],
    managingOrganization: { reference: `Organization/${organization}` },
  })
const accepted = [
  await participant(manager, organization, id, kinds, 'Ada'),
  await participant(manager, organization, id, kinds, 'Bea'),
]
await enrol(manager, id, (await register('Only invited')).id)
for (let count = 0; count < 20; count += 1) await register('In no study')
const elsewhere = await institution('elsewhere')
const stranger = (await study(elsewhere.manager, elsewhere.organization, 'another', kinds)).researcher

const registry = loadRegistry()
/** Calls that PostgreSQL has counted on this connection, and perhaps not told yet. */
const calls = async (connection: Connection): Promise<number> => {
  const row = await connection.maybeOne<{ calls: number }>(sql.fragment`
    SELECT calls::integer FROM pg_stat_xact_user_functions WHERE funcname = 'patient_accepted'`)
  return row?.calls ?? 0
}

/** Whom the practitioner sees through studies alone, and of how many everything was asked. */
const seenBy = async (practitioner: string, query: string) => {
  const access: Access = () => ({ kind: 'staffed', by: 'patient', to: { kind: 'practitioner', id: practitioner } })
  const search = parseSearch(registry, 'Patient', new URLSearchParams(query))
  const source = sourceOf({ access, classes: openCodeClasses(), commonTokens: () => false }, search)
  const keys = keysInOrder({ search, at: undefined }, source)
  return database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL track_functions = 'pl'`)
    const before = await calls(connection)
    const rows = await connection.any<{ id: string }>(sql.fragment`
      WITH ${keys} SELECT row.id FROM page JOIN patient AS row ON row.pk = page.pk`)
    return { ids: rows.map(row => row.id).sort(), asked: (await calls(connection)) - before }
  })
}

for (const query of ['', '_sort=family', '_sort=-_lastUpdated'])
  t.test(`everything is asked only of those who give something to an identified study: ${query}`, async t => {
    t.strictSame(await seenBy(researcher.practitioner, query), { ids: [...accepted].sort(), asked: 2 })
    t.strictSame(await seenBy(stranger.practitioner, query), { ids: [], asked: 0 })
  })
