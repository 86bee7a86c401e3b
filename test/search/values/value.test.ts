import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import type { Value } from '../../../src/search/value.ts'
import { parseValue } from '../../../src/search/values/parse-value.ts'

const registry = loadRegistry()
const base = 'https://sharewell.example/fhir'

const parse = (type: ResourceType, code: string, text: string): Value => {
  const parameter = registry.searchParameter(type, code)
  if (parameter === undefined) throw new Error(`${type} has no ${code}`)
  return parseValue(parameter, text, { base })
}

const table: readonly (readonly [ResourceType, string, string, Value])[] = [
  ['Observation', 'code', 'a', { kind: 'token', code: 'a' }],
  ['Observation', 'code', 's|a', { kind: 'token', system: 's', code: 'a' }],
  ['Observation', 'code', '|a', { kind: 'token', system: null, code: 'a' }],
  ['Observation', 'code', 's|', { kind: 'token', system: 's' }],
  ['Observation', 'subject', 'a', { kind: 'reference', id: 'a' }],
  ['Observation', 'patient', 'a', { kind: 'reference', type: 'Patient', id: 'a' }],
  ['Observation', 'subject', `${base}/Patient/a`, { kind: 'reference', type: 'Patient', id: 'a' }],
  ['Observation', 'subject', 'http://x.org/Patient/a', { kind: 'url', url: 'http://x.org/Patient/a' }],
  ['Patient', 'name', 'Ann\\, Lee', { kind: 'string', text: 'Ann, Lee' }],
  ['ValueSet', 'url', 'urn:oid:1.2', { kind: 'uri', uri: 'urn:oid:1.2' }],
  ['RiskAssessment', 'probability', 'lt0.5', { kind: 'number', prefix: 'lt', value: '0.5', low: '0.45', high: '0.55' }],
  [
    'Observation',
    'value-quantity',
    'le-5|http://unitsofmeasure.org|Cel',
    {
      kind: 'quantity',
      prefix: 'le',
      value: '-5',
      low: '-5.5',
      high: '-4.5',
      unit: { system: 'http://unitsofmeasure.org', code: 'Cel' },
    },
  ],
]

for (const [type, code, text, expected] of table) {
  t.test(`${type}.${code} ${text}`, async t => {
    t.same(parse(type, code, text), expected)
  })
}

t.test('the parts of a composite are kept beside the parameters to which they belong', async t => {
  t.has(parse('Observation', 'code-value-quantity', 's|a$ge5||mg'), {
    kind: 'composite',
    parts: [
      { parameter: { type: 'token' }, value: { kind: 'token', system: 's', code: 'a' } },
      { parameter: { type: 'quantity' }, value: { kind: 'quantity', prefix: 'ge', unit: { code: 'mg' } } },
    ],
  })
})
