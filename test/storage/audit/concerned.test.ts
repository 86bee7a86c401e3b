import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { concernedBy, type Found } from '../../../src/storage/audit/concerned.ts'

const registry = loadRegistry()
const [heartRate, weight] = [5, 6]
const observation = (patientId: number, kindId: number): Found => ({ type: 'Observation', patientId, kindId })
const condition = (patientId: number): Found => ({ type: 'Condition', patientId })

t.test('whose kinds are whose is kept unless all that is answered is of one kind', async t => {
  const isKept = (...found: readonly Found[]) => concernedBy(registry, {}, found).kindsOf !== undefined
  t.equal(isKept(observation(1, heartRate), observation(2, heartRate)), false)
  t.equal(isKept(observation(1, heartRate), observation(2, weight)), true)
  t.equal(isKept(observation(1, heartRate), condition(2)), true, 'one of them has nothing measured')
  t.equal(isKept(observation(1, heartRate), observation(1, weight), condition(1)), false, 'all is of one patient')
})

t.test('a resource of several patients concerns each one whom it names as its patient or member', async t => {
  const reference = (reference: string) => ({ reference })
  const named = ['Patient/ann', 'Practitioner/doc', 'Patient/bob'].map(reference)
  const member = named.map(entity => ({ entity }))
  const subjectsIn = (type: 'Group' | 'Account' | 'List', content?: object) =>
    concernedBy(registry, {}, [
      { type, patientId: 0, ...(content && { content: JSON.stringify({ resourceType: type, ...content }) }) },
    ]).subjects
  t.strictSame(subjectsIn('Group', { member }), ['ann', 'bob'])
  t.strictSame(subjectsIn('Account', { subject: named }), ['ann', 'bob'])
  t.equal(subjectsIn('List', { subject: named[0] }), undefined, 'a type of no compartment is about nobody')
  t.equal(subjectsIn('Account'), undefined, 'nor is one that was deleted')
})
