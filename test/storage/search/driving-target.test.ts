import type { Provenance } from '@medplum/fhirtypes'
import t from 'tap'
import { type Access, fullAccess } from '../../../src/access/access.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import { openManyPatients } from '../../../src/storage/search/many-patients.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)

const registry = loadRegistry()
const about = (id: string, ...targets: readonly string[]): Provenance => ({
  resourceType: 'Provenance',
  id,
  target: targets.map(reference => ({ reference })),
  recorded: '2026-03-01T00:00:00Z',
  agent: [{ who: { display: 'x' } }],
})
await put(
  w.organization('lab'),
  w.organization('clinic'),
  w.role('rita', 'lab', 'member'),
  w.registered('ann', 'lab'),
  w.measured('rate', 'ann', 'omh:heart-rate'),
  about('of-rate', 'Observation/rate'),
  about('of-ann', 'Patient/ann'),
)

const found = async (access: Access, query: string) => {
  const classes = openCodeClasses()
  const asking = {
    registry,
    classes,
    access,
    commonTokens: () => false,
    manyPatients: openManyPatients(),
    typeId: () => 0,
  }
  const { entries } = await searchPage(
    database,
    asking,
    parseSearch(registry, 'Provenance', new URLSearchParams(query)),
  )
  return entries.map(({ id }) => id).sort()
}

t.test('who may not see an Observation is not shown what names it, also beside what they may see', async t => {
  const member = accessOf(w.staff('rita'), registry, (type, query) => parseCriteria(registry, type, query))
  for (const [query, all, seen] of [
    ['target=Observation/rate', ['of-rate'], []],
    ['target=Observation/rate,Patient/ann', ['of-ann', 'of-rate'], ['of-ann']],
  ] as const) {
    t.strictSame(await found(fullAccess, query), all, query)
    t.strictSame(await found(member, query), seen, query)
  }
})
