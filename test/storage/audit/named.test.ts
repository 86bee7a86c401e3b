import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { namedBeside } from '../../../src/storage/audit/named.ts'
import type { RowsAsked } from '../../../src/storage/search/rows-asked.ts'
import type { Store } from '../../../src/storage/store.ts'

const registry = loadRegistry()

/** The types for which the store was asked whose they are, turn by turn, and the Patients who are recorded without asking. */
const lookedUp = async (type: ResourceType, query: string, matches: readonly { id: string; patientId: number }[]) => {
  const asked: (readonly string[])[] = []
  const store = {
    whose: async (rows: readonly RowsAsked[]) => {
      asked.push(rows.map(one => one.type))
      return []
    },
  } as unknown as Store
  const { where } = parseSearch(registry, type, new URLSearchParams(query))
  const found = matches.map(one => ({ ...one, type }))
  const { subjects } = await namedBeside(store, { type, where }, found)
  return { subjects, asked }
}
const match = { id: 'a', patientId: 7 }

t.test(
  'ordinary searches ask the store nothing more, and record nobody by id apart from those whose data they answer',
  async t => {
    for (const [type, query] of [
      ['Observation', 'patient=ann&code=8867-4&date=ge2026'],
      ['Observation', 'subject=Patient/ann'],
      ['Observation', 'patient.name=Castillo'],
      ['Observation', 'subject.name=Castillo&code=8867-4'],
      ['Observation', 'device=Device/d'],
      ['Observation', '_id=a'],
      ['Observation', 'identifier=x|1'],
      ['Patient', '_id=a'],
      ['Patient', 'name=Castillo'],
    ] as const)
      t.strictSame(await lookedUp(type, query, [match]), { subjects: [], asked: [] }, `${type}?${query}`)
    t.strictSame(
      await lookedUp('Observation', 'patient=ann&code=8867-4', []),
      { subjects: ['ann'], asked: [] },
      'nor where they are answered with nothing',
    )
    t.strictSame(await lookedUp('Organization', '_id=a', [{ id: 'a', patientId: 0 }]), { subjects: [], asked: [] })
  },
)

t.test('what is named in other ways is looked up together, and once', async t => {
  t.strictSame(await lookedUp('Observation', '_id=a,b&identifier=x|1&patient.name=Castillo', []), {
    subjects: [],
    asked: [['Observation', 'Observation', 'Patient']],
  })
  const links = 'item:Patient.gender=male&item:Patient.birthdate=lt1990'
  t.strictSame(await lookedUp('List', `_id=l&${links}`, []), { subjects: [], asked: [['Patient']] })
})

t.test('whoever is named beside others is recorded though only the others matched', async t => {
  t.strictSame(await lookedUp('Observation', 'patient=ann,bob', [match]), { subjects: ['ann', 'bob'], asked: [] })
  t.strictSame(await lookedUp('Observation', '_id=a,b', [match]), { subjects: [], asked: [['Observation']] })
  t.strictSame(await lookedUp('Observation', '_id=a,b', [match, { id: 'b', patientId: 8 }]), {
    subjects: [],
    asked: [],
  })
  t.strictSame(await lookedUp('Patient', 'identifier=x|1,x|2', [match]), {
    subjects: [],
    asked: [['Patient', 'Patient']],
  })
  t.strictSame(
    await lookedUp('Observation', 'patient=a,b', [match]),
    { subjects: ['a', 'b'], asked: [] },
    'also where something else that matched has the same id',
  )
})

t.test('whose data is answered is not the only one whom a question names', async t => {
  t.strictSame(await lookedUp('Observation', 'performer=Patient/bob', [match]), { subjects: ['bob'], asked: [] })
  t.strictSame(
    await lookedUp('Observation', 'patient=ann', [match, { id: 'b', patientId: 0 }]),
    { subjects: ['ann'], asked: [] },
    'where some of it is of no single patient',
  )
})

t.test('a question through twenty references needs no look-up', async t => {
  const parts = `${'partof.'.repeat(19)}name=x`
  t.strictSame(await lookedUp('Organization', parts, []), { subjects: [], asked: [] })
})
