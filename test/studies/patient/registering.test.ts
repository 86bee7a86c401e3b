import type { Patient, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { awaitRegistering } from '../../../src/storage/organization/patient-import.ts'
import { openRegistering } from '../../../src/studies/patient/registering.ts'
import * as w from '../../storage/model/world.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const registry = loadRegistry()
const world = await w.openWorld()
t.teardown(world.close)
const { database, importer, put, see, storeOf } = world

await put(
  w.organization('clinic'),
  ...['one', 'two'].flatMap(name => [
    w.role(name, 'clinic', 'member'),
    {
      resourceType: 'Person' as const,
      id: `person-${name}`,
      link: [{ target: { reference: `Practitioner/${name}` } }],
    },
  ]),
)
const { register } = openRegistering({ accounts: { database }, registry, openStoreFor: storeOf })
const into = { organization: 'clinic' }
const human = (family: string): Patient => ({ resourceType: 'Patient', name: [{ family }], birthDate: '1980-01-02' })
const ofRecord = (value: string) => parseSearch(registry, 'Patient', new URLSearchParams({ identifier: value }))
const called = (family: string) => see(importer, 'Patient', `family=${family}`)
const none = () => false

t.test('whom another window has registered meanwhile is not registered again', async t => {
  const patient = { ...human('Known'), identifier: [{ system: 'urn:ehr', value: 'k-1' }] }
  const register1 = () => register('person-one', patient, into, () => true, ofRecord('urn:ehr|k-1'))
  const [first, second] = [await register1(), await register1()]
  t.match(first, { kind: 'registered' })
  t.strictSame(second, { ...first, subject: undefined })
  t.equal((await called('Known')).length, 1)
})

t.test('nobody is registered in an organization that has been closed meanwhile', async t => {
  await put({ ...w.organization('shut'), active: false } as Resource, w.role('one', 'shut', 'member'))
  t.strictSame(await register('person-one', human('Late'), { organization: 'shut' }, none), { kind: 'closed' })
  t.strictSame(await called('Late'), [])
})

t.test('whoever registers the same human at the same time waits, and is told of the first', async t => {
  const twin = human('Twin')
  const turn = parseSearch(registry, 'Patient', new URLSearchParams({ birthdate: '1980-01-02' }))
  const later = await importer.atomic(async within => {
    await within.takeTurns([turn])
    const later = register('person-two', twin, into, none)
    await someoneWaits(database)
    await within.write([
      { kind: 'create', resource: { ...twin, managingOrganization: { reference: 'Organization/clinic' } } },
    ])
    return [later]
  })
  t.match(await later[0], { kind: 'alike', duplicates: [{}] })
  t.equal((await called('Twin')).length, 1)
})

t.test('while the end of a list is written, nobody in its tenant registers anybody by hand', async t => {
  const registering = await database.transaction(async connection => {
    await awaitRegistering(connection, 'clinic')
    const registering = register('person-one', human('Beside'), into, none)
    await someoneWaits(connection)
    return [registering]
  })
  t.match(await registering[0], { kind: 'registered' })
})

t.test('nobody is registered with a study that ends at the same moment', async t => {
  const study = w.study('ending', 'clinic', [])
  await put(w.groupOf('ending', 'clinic'), study)
  const withStudy = { ...into, study: 'ending' }
  t.match(await register('person-one', human('Before'), withStudy, () => true), { kind: 'registered', subject: /./ })
  const [registering] = await importer.atomic(async within => {
    await within.write([{ kind: 'update', id: 'ending', resource: { ...study, status: 'completed' } as Resource }])
    const registering = register('person-one', human('Meanwhile'), withStudy, () => true).catch(
      (error: unknown) => error,
    )
    await someoneWaits(database)
    return [registering]
  })
  t.match(await registering, { message: 'Nobody can be enrolled in the study now: its status is “Completed”' })
  t.strictSame(await called('Meanwhile'), [])
})
