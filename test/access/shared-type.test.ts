import type { StructureDefinition } from '@medplum/fhirtypes'
import t from 'tap'
import { kindOfClass, kindOfType, timeElementOf, typeOfKind } from '../../src/access/shared-type.ts'
import { readDefinitions } from '../../src/fhir/definition/definition-file.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'

const { resourceTypes } = loadRegistry()
const structures = new Map(
  [...readDefinitions<StructureDefinition>('profiles-resources.json', ['StructureDefinition'])].map(one => [
    one.type,
    one,
  ]),
)

t.test('the time of a type is a single element of it: a date, a time or a period', async t => {
  const times = new Set(['date', 'dateTime', 'instant', 'Period'])
  for (const type of resourceTypes) {
    const name = timeElementOf(type)
    if (name === undefined) continue
    const element = structures.get(type)?.snapshot?.element?.find(({ path }) => path === `${type}.${name}`)
    t.ok(
      element?.type?.some(({ code }) => times.has(code ?? '')),
      `${type}.${name}`,
    )
    t.equal(element?.max, '1', `${type}.${name} is single`)
    t.ok(kindOfType(type), `${type} is shared`)
  }
})

t.test('few of the shared types have no time', async t => {
  const timeless = resourceTypes.filter(type => kindOfType(type) !== undefined && timeElementOf(type) === undefined)
  t.strictSame(timeless.sort(), ['BodyStructure', 'MolecularSequence', 'RelatedPerson'])
})

t.test('a type of the compartment can be shared, unless it has rules of its own', async t => {
  const system = 'http://hl7.org/fhir/resource-types'
  t.equal(kindOfClass({ system, code: 'Condition' }), `${system}|Condition`)
  t.equal(typeOfKind(`${system}|Condition`), 'Condition')
  t.equal(typeOfKind('omh:heart-rate'), undefined)
  for (const code of ['Observation', 'Device', 'Patient', 'Consent', 'ResearchSubject', 'AuditEvent', 'Location', 'x'])
    t.equal(kindOfClass({ system, code }), undefined, code)
  t.equal(kindOfClass({ code: 'Condition' }), undefined)
})
