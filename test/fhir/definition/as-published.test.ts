import t from 'tap'
import { type Element, type StructureDefinition, toStructure } from '../../../src/fhir/definition/structure.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { validate } from '../../../src/fhir/validate/validate.ts'
import { readPublished } from '../../oracle/published.ts'
import { withoutExamples } from '../examples.ts'

const registry = loadRegistry()

/** The parts of an element and everything below it that the server uses, without invariants, since a few of R4's own are corrected. */
const told = ({ children, constraints: _, ...element }: Element): readonly object[] => [
  element,
  ...[...children.values()].flatMap(told),
]

t.test('elements are those that R4 publishes, exactly as it publishes them', { skip: withoutExamples }, async t => {
  let compared = 0
  for (const [name, { root }] of registry.structures) {
    const published = readPublished('StructureDefinition', name) as StructureDefinition
    t.strictSame(told(root), told(toStructure(published).root), name)
    compared += 1
  }
  t.ok(compared > 200, `compared ${compared}`)
})

const refusals = (resource: object) => validate(registry, resource).map(({ message }) => message)

t.test('what R4 has is accepted, and what only Medplum or a later edition has is refused', async t => {
  const characteristic = [
    {
      definitionCodeableConcept: { text: 'Over 65' },
      usageContext: [{ code: { code: 'age' }, valueCodeableConcept: { text: 'old' } }],
      participantEffectivePeriod: { start: '2026' },
      timeFromStart: { value: 1, system: 'http://unitsofmeasure.org', code: 'd' },
      groupMeasure: 'mean',
    },
  ]
  const variable = { resourceType: 'EvidenceVariable', status: 'draft' }
  t.same(refusals({ ...variable, characteristic }), [])
  t.match(refusals(variable), [/EvidenceVariable needs characteristic/])
  for (const status of ['registered', 'amended', 'unknown'])
    t.same(refusals({ resourceType: 'DetectedIssue', status }), [], status)
  t.match(refusals({ resourceType: 'DetectedIssue', status: 'mitigated' }), [/not in the required value set/])
  t.match(refusals({ resourceType: 'Patient', meta: { project: 'x' } }), [/'project' is not an element of/])
  t.match(refusals({ resourceType: 'ResearchStudy', status: 'active', label: [{ value: 'x' }] }), [/'label' is not/])
})
