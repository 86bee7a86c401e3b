import t from 'tap'
import { isInCompartments, subjectParameters } from '../../src/access/patient-compartment.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'

const registry = loadRegistry()

t.test('each type belongs to a patient by one of its own reference parameters that can name a Patient', async t => {
  for (const type of registry.resourceTypes)
    for (const code of subjectParameters(type)) {
      const parameter = registry.searchParameter(type, code)
      t.equal(parameter?.type, 'reference', `${type}.${code}`)
      t.ok(parameter?.targets.includes('Patient'), `${type}.${code} can name a Patient`)
    }
})

t.test('never by performer, member or link', async t => {
  for (const type of ['Person', 'Group', 'Schedule', 'Provenance', 'List', 'Basic'] as const)
    t.notOk(isInCompartments(type), type)
  t.strictSame(subjectParameters('Observation'), ['subject'])
  t.strictSame(subjectParameters('Procedure'), ['patient'])
  t.ok(isInCompartments('Patient'))
})
