import type { Patient, Person } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { listenersTo } from '../../../src/storage/subscription/listener.ts'
import { openSubscriptionWorld } from '../../subscriptions/world.ts'

const world = await openSubscriptionWorld()
const { database, subscribe } = world
t.teardown(world.close)

const bob = await world.create<Patient>(world.manager, {
  resourceType: 'Patient',
  name: [{ family: 'bob' }],
  managingOrganization: { reference: `Organization/${world.organization}` },
})
const person = await world.create<Person>('everything', {
  resourceType: 'Person',
  telecom: [{ system: 'email', value: 'ann@example.org' }],
  link: [{ target: { reference: `Patient/${world.patient}` } }],
})
const account = await world.staffToken(
  { email: 'ann@example.org', person: person.id },
  'user/Observation.rs user/Subscription.cruds',
)
const names: Readonly<Record<string, string>> = {
  [await subscribe(world.ann)]: 'ann',
  [await subscribe(account)]: 'ann, by her account',
  [await subscribe(await world.patientToken(bob.id, 'patient/*.cruds patient/Subscription.cruds'))]: 'bob',
  [await subscribe(world.researcher)]: 'researcher',
}
await world.reaches(world.researcher, Object.keys(names).at(-1) ?? '', 'active')

const numberOf = async (patient: string) =>
  (
    await database.one<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${patient}`,
    )
  ).number
const [ann, other] = [await numberOf(world.patient), await numberOf(bob.id)]
const listenersOf = async (...patientIds: readonly number[]) =>
  (await listenersTo(database, 'Observation', patientIds)).map(({ id }) => names[id]).sort()

t.test('the Subscriptions of other patients’ apps are not evaluated for a change of one patient’s data', async t => {
  t.same(await listenersOf(ann), ['ann', 'ann, by her account', 'researcher'])
  t.same(await listenersOf(other), ['bob', 'researcher'])
  t.same(await listenersOf(ann, other), ['ann', 'ann, by her account', 'bob', 'researcher'])
})

t.test('a resource in no compartment, or in several, may concern everybody', async t => {
  t.same(await listenersOf(0), ['ann', 'ann, by her account', 'bob', 'researcher'])
})

t.test('once two records are joined, the subscribers of both are evaluated', async t => {
  await world.update('everything', {
    ...person,
    link: [...(person.link ?? []), { target: { reference: `Patient/${bob.id}` } }],
  })
  t.equal(await numberOf(world.patient), await numberOf(bob.id))
  t.same(await listenersOf(await numberOf(bob.id)), ['ann', 'ann, by her account', 'bob', 'researcher'])
})
