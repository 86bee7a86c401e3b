import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { hasOnePlan } from '../../../src/storage/search/one-plan.ts'

const registry = loadRegistry()
const planOf = (type: 'Observation' | 'Patient', query: string): boolean =>
  hasOnePlan(parseSearch(registry, type, new URLSearchParams(query)).where)

const once: readonly (readonly ['Observation' | 'Patient', string])[] = [
  ['Observation', 'code=8867-4&date=ge2026&value-quantity=gt5'],
  ['Observation', 'patient=a&code:not=8867-4'],
  ['Observation', 'component-code-value-quantity=8480-6$gt150'],
  ['Patient', 'identifier=https://numbers.example|1'],
  ['Patient', '_id=a&active=true'],
]
const eachTime: readonly (readonly ['Observation' | 'Patient', string])[] = [
  ['Patient', 'family=a'],
  ['Patient', 'birthdate=ge2000'],
  ['Patient', 'identifier=https://numbers.example|1&name=a'],
  ['Observation', 'patient.identifier=1'],
  ['Patient', '_has:Observation:patient:code=8867-4'],
  ['Patient', 'birthdate:missing=true'],
]
for (const [type, query] of once) t.test(`${type}?${query} is planned once`, async t => t.ok(planOf(type, query)))
for (const [type, query] of eachTime)
  t.test(`${type}?${query} is planned for its values`, async t => t.notOk(planOf(type, query)))
