import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import { askedAbout } from '../../../src/storage/audit/asked-about.ts'
import { numbersOf } from '../../../src/storage/model/reference.ts'
import { whose } from '../../../src/storage/search/whose.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)

const holding = (id: string, organization: string, value: string): Patient => ({
  ...(w.registered(id, organization) as Patient),
  identifier: [{ value }],
})
await put(
  w.organization('lab'),
  w.organization('clinic'),
  w.role('rita', 'lab', 'member'),
  holding('ann', 'lab', 'one-7'),
  holding('bob', 'clinic', 'one-8'),
)

const registry = loadRegistry()
const caller = w.staff('rita')
const access = accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query))

/** Whose the Patients are that the question names, and how many statements it took to find out. */
const asking = async (query: string) => {
  let statements = 0
  const counted = <T, R>(ask: (sent: T) => R) => {
    return (sent: T): R => {
      statements += 1
      return ask(sent)
    }
  }
  const connection = { ...database, any: counted(database.any) }
  const { where } = parseSearch(registry, 'Patient', new URLSearchParams(query))
  const found = await whose(
    connection as typeof database,
    { access, classes: openCodeClasses() },
    askedAbout('Patient', where),
    's',
  )
  return { patients: found.map(({ patientId }) => patientId), statements }
}
const many = (prefix: string) => Array.from({ length: 100 }, (_, number) => `${prefix}-${number}`).join(',')

t.test(
  'whose very many identifiers are is asked in one statement, and nobody is named whom the caller may not see',
  async t => {
    t.strictSame(await asking(`identifier=${many('none')}`), { patients: [], statements: 1 })
    t.strictSame(await asking(`identifier=one-8,${many('none')}`), { patients: [], statements: 1 })
  },
)

t.test('of as many, whoever has one is named', async t => {
  const [ann] = await numbersOf(database, ['ann'])
  t.strictSame(await asking(`identifier=${many('one')}`), { patients: [ann], statements: 1 })
  t.strictSame((await asking(`identifier=one-7&family=Nobody,Else,Whoever,${many('none')}`)).patients, [ann])
})

t.test('of a few, each is asked about', async t => {
  const [ann] = await numbersOf(database, ['ann'])
  t.strictSame(await asking('identifier=one-6,one-7,one-8'), { patients: [ann], statements: 1 })
})

t.test(
  'what more than fifty have is about everybody: nobody is named for it, but whoever is asked for beside it',
  async t => {
    const sharing = (count: number, value: string) =>
      Array.from({ length: count }, (_, number) => ({
        ...holding(`${value}-${number}`, 'lab', value),
        name: [{ family: value }],
      }))
    await put(...sharing(50, 'fifty'), ...sharing(51, 'more'))
    const [ann] = await numbersOf(database, ['ann'])
    for (const parameter of ['identifier', 'family']) {
      t.equal((await asking(`${parameter}=fifty`)).patients.length, 50, parameter)
      t.strictSame((await asking(`${parameter}=more`)).patients, [], parameter)
    }
    t.strictSame((await asking(`identifier=more,one-7,${many('none')}`)).patients, [ann])
  },
)

t.test('whoever is asked about by id is named, however many they are', async t => {
  const ids = Array.from({ length: 51 }, (_, number) => `more-${number}`)
  const asked = [{ type: 'Patient', where: { kind: 'identified', ids }, ids }] as const
  const found = await whose(database, { access, classes: openCodeClasses() }, asked, 's')
  t.strictSame(found.map(({ patientId }) => patientId).toSorted(), (await numbersOf(database, ids)).toSorted())
})

t.test('of many identifiers of Observations, everybody is named who has one, however many others have', async t => {
  await put(holding('kim', 'lab', 'kim'), holding('leo', 'lab', 'leo'))
  const [kim, leo] = await numbersOf(database, ['kim', 'leo'])
  const identified = (id: string, patient: string, value: string) =>
    w.measured(id, patient, 'omh:heart-rate', { identifier: [{ value }] })
  await put(...Array.from({ length: 1001 }, (_, number) => identified(`of-kim-${number}`, 'kim', 'many')))
  await put(identified('of-leo', 'leo', 'one'))
  const { where } = parseSearch(registry, 'Observation', new URLSearchParams('identifier=many,one,two,three'))
  const asked = askedAbout('Observation', where)
  const found = await whose(database, { access: fullAccess, classes: openCodeClasses() }, asked, 's')
  t.strictSame(found.map(({ patientId }) => patientId).toSorted(), [kim, leo])
})

t.test('what is about several patients is in the compartment of each of them', async t => {
  await put(holding('max', 'lab', 'max'), holding('nia', 'lab', 'nia'))
  const participant = ['max', 'nia'].map(id => ({ actor: { reference: `Patient/${id}` }, status: 'accepted' as const }))
  await put({
    resourceType: 'Appointment',
    id: 'together',
    status: 'booked',
    identifier: [{ value: 'both' }],
    participant,
  })
  const { where } = parseSearch(registry, 'Appointment', new URLSearchParams('identifier=both'))
  const asked = askedAbout('Appointment', where)
  const found = await whose(database, { access: fullAccess, classes: openCodeClasses() }, asked, 's')
  const numbers = await numbersOf(database, ['max', 'nia'])
  t.strictSame(found.map(({ patientId }) => patientId).toSorted(), numbers.toSorted())
})
