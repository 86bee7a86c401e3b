import t from 'tap'
import type { SearchParameter } from '../../src/fhir/definition/search-parameter.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { impliedConcepts } from '../../src/search/implied-system.ts'

const registry = loadRegistry()

t.test('of the concepts asked for, those remain that the binding of a code names', async t => {
  const gender = registry.searchParameter('Patient', 'gender') as SearchParameter
  const system = 'http://hl7.org/fhir/administrative-gender'
  const [male, unbound, elsewhere] = [
    { system, code: 'male' },
    { system, code: 'x' },
    { system: 'http://loinc.org', code: 'male' },
  ] as const
  t.strictSame(impliedConcepts(registry, gender, [male, unbound, elsewhere]), [male])
  const code = registry.searchParameter('Observation', 'code') as SearchParameter
  t.strictSame(impliedConcepts(registry, code, [male, unbound, elsewhere]), [male, unbound, elsewhere])
})
