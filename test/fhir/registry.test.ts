import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CompartmentDefinition, ResourceType } from '@medplum/fhirtypes'
import fhirpath from 'fhirpath'
import r4 from 'fhirpath/fhir-context/r4'
import t from 'tap'
import { intervalOf } from '../../src/fhir/date.ts'
import { compartments } from '../../src/fhir/definition/compartment.ts'
import { readDefinitions } from '../../src/fhir/definition/definition-file.ts'
import { elementsAt, valuesAt } from '../../src/fhir/definition/element-path.ts'
import {
  type SearchParameterDefinition,
  unsupportedParameters,
} from '../../src/fhir/definition/registry-search-parameters.ts'
import type { SearchParameter, SearchParameterType } from '../../src/fhir/definition/search-parameter.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { allExamples, type Example, keyExamples, syntheticExamples, withoutExamples } from './examples.ts'

const registry = loadRegistry()
const definitions = [...readDefinitions<SearchParameterDefinition>('search-parameters.json', ['SearchParameter'])]
const byUrl = new Map(definitions.map(definition => [definition.url, definition]))

t.test('every parameter of R4 and of our own has paths, or a reason why not', async t => {
  const own = registry.definitions('SearchParameter') as unknown as readonly SearchParameterDefinition[]
  t.ok(own.length > 0)
  for (const { url, base, code } of [...definitions, ...own].filter(one => !(one.url in unsupportedParameters))) {
    for (const type of registry.resourceTypes.filter(one => base.includes(one))) {
      const found = registry.searchParameter(type, code)
      if (found === undefined || found.paths.length === 0) t.fail(`${type} ${code} (${url}) reaches nothing`)
      const lost = found?.components.filter(part => part.paths.length === 0) ?? []
      if (lost.length > 0) t.fail(`${type} ${code} (${url}) has a part that reaches nothing`)
    }
  }
  for (const url of Object.keys(unsupportedParameters)) t.ok(byUrl.has(url), `${url} is a definition of R4`)
})

t.test('every type has the parameters of all types', async t => {
  const common = ['_id', '_lastUpdated', '_profile', '_security', '_source', '_tag']
  const lacking = registry.resourceTypes.filter(type =>
    common.some(code => registry.searchParameter(type, code)?.base !== type),
  )
  t.same(lacking, [])
})

t.test('references point to what both the definition and the element allow', async t => {
  const targets = (type: 'Observation' | 'Person' | 'Provenance', code: string) =>
    registry.searchParameter(type, code)?.targets
  t.same(targets('Observation', 'patient'), ['Patient'])
  t.same(targets('Observation', 'subject'), ['Patient', 'Group', 'Device', 'Location'])
  t.same(targets('Person', 'practitioner'), ['Practitioner'])
  t.ok((targets('Provenance', 'target')?.length ?? 0) > 140)
})

t.test('compartments are those of their published definitions', async t => {
  t.same(registry.compartmentParameters('Patient', 'Observation'), ['subject', 'performer'])
  t.same(registry.compartmentParameters('Patient', 'Patient'), ['_id', 'link'])
  t.same(registry.compartmentParameters('Patient', 'Location'), [])
  for (const compartment of compartments) {
    const name = `${compartment[0]?.toLowerCase()}${compartment.slice(1)}`
    const file = join(import.meta.dirname, `../../node_modules/hl7.fhir.r4.examples/CompartmentDefinition-${name}.json`)
    const definition: CompartmentDefinition = JSON.parse(readFileSync(file, 'utf8'))
    for (const { code, param = [] } of definition.resource ?? []) {
      const own = code === compartment ? ['_id', ...param.filter(one => one !== '{def}')] : param
      t.same(registry.compartmentParameters(compartment, code as ResourceType), own, `${compartment} ${code}`)
    }
  }
})

t.test('a composite and its parts', async t => {
  const parameter = registry.searchParameter('Observation', 'combo-code-value-quantity')
  t.same(
    parameter?.paths.map(path => path.steps),
    [[], [{ name: 'component' }]],
  )
  t.same(
    parameter?.components.map(part => [part.code, part.type, part.paths]),
    [
      ['combo-code', 'token', [{ steps: [{ name: 'code' }], datatype: 'CodeableConcept' }]],
      ['combo-value-quantity', 'quantity', [{ steps: [{ name: 'valueQuantity' }], datatype: 'Quantity' }]],
    ],
  )
})

t.test('a parameter reaches what its FHIRPath reaches', { skip: withoutExamples }, async t => {
  const examples = [...keyExamples(), ...allExamples(), ...syntheticExamples().slice(0, 200)].map(withPlainNumbers)
  let compared = 0
  for (const example of examples) {
    for (const parameter of parametersOf(example)) {
      const expected = evaluate(parameter, example)
      const reached = valuesAt(parameter.paths, example.resource)
      compared += 1
      const isSame = JSON.stringify(sorted(reached)) === JSON.stringify(sorted(expected))
      if (!isSame && !scheduledAsString.has(example.name)) {
        t.same(reached, expected, `${example.name} ${parameter.code}`)
      }
    }
  }
  t.ok(compared > 10_000, `compared ${compared}`)
})

/** Their `scheduledString` reads like a date, but a date parameter ignores strings. */
const scheduledAsString = new Set(['CarePlan/f001', 'CarePlan/f002', 'CarePlan/f003'])

const withPlainNumbers = ({ name, resource }: Example): Example => ({
  name,
  resource: JSON.parse(JSON.stringify(resource)),
})

const parametersOf = ({ resource }: Example): readonly SearchParameter[] =>
  registry.isResourceType(resource.resourceType) ? registry.searchParametersOf(resource.resourceType) : []

/**
 * Without `resolve()`, which only narrows the targets, and with each alternative of this type separately: fhirpath.js compares the sides of `|`,
 * which fails for some Quantities.
 */
const evaluate = ({ url, base, type }: SearchParameter, { resource }: Example): unknown[] => {
  const text = byUrl.get(url)?.expression ?? ''
  const values = text
    .replaceAll(/\.where\(resolve\(\) is \w+\)/g, '')
    .split(' | ')
    .filter(one => new RegExp(`^\\(*(${base}|Resource|DomainResource|[a-z]\\w+)\\b`).test(one))
    .flatMap(one => compiled(one)(resource))
  return values.filter(usable[type] ?? (() => true))
}

/** Types of a choice that a parameter cannot look at: `Consent.sourceAttachment`, `Immunization.occurrenceString`. */
const usable: Partial<Record<SearchParameterType, (value: unknown) => boolean>> = {
  reference: value =>
    typeof value === 'string' ||
    'resourceType' in (value as object) ||
    !('title' in (value as object) || 'data' in (value as object)),
  date: value => typeof value !== 'string' || intervalOf(value) !== undefined,
}

const compiled = (expression: string) => {
  const known = functions.get(expression)
  if (known !== undefined) return known
  const made = fhirpath.compile(expression, r4) as (resource: unknown) => unknown[]
  functions.set(expression, made)
  return made
}
const functions = new Map<string, (resource: unknown) => unknown[]>()

/** `|` makes a set of its sides, in any order. */
const sorted = (values: readonly unknown[]): string[] => [...new Set(values.map(value => JSON.stringify(value)))].sort()

const patient = {
  resourceType: 'Patient',
  telecom: [
    { system: 'phone', value: '1' },
    { system: 'email', value: 'a@b' },
    { system: 'phone', value: '2' },
  ],
}

t.test('a condition keeps only the elements that meet it', async t => {
  const paths = registry.searchParameter('Patient', 'phone')?.paths ?? []
  t.same(valuesAt(paths, patient), [patient.telecom[0], patient.telecom[2]])
})

t.test('deceased is true or false, never absent', async t => {
  const paths = registry.searchParameter('Patient', 'deceased')?.paths ?? []
  t.same(valuesAt(paths, patient), [false])
  t.same(valuesAt(paths, { ...patient, deceasedBoolean: false }), [false])
  t.same(valuesAt(paths, { ...patient, deceasedBoolean: true }), [true])
  t.same(valuesAt(paths, { ...patient, deceasedDateTime: '2026' }), [true])
})

t.test('an index takes one of a repeating element', async t => {
  const path = { steps: [{ name: 'entry', index: 0 }, { name: 'resource' }], datatype: 'Resource' }
  const bundle = { entry: [{ resource: { id: 'first' } }, { resource: { id: 'second' } }] }
  t.same(elementsAt(path, bundle), [{ id: 'first' }])
})

t.test('what we publish ourselves is in the registry, including our search parameters', async t => {
  t.ok(registry.definitions('SearchParameter').length > 0)
  const inExtension = [
    {
      name: 'extension',
      where: { name: 'url', equals: 'http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext' },
    },
    { name: 'valueReference' },
  ]
  t.same(registry.searchParameter('Consent', 'study')?.paths, [
    { steps: [{ name: 'provision' }, ...inExtension], datatype: 'Reference' },
    { steps: inExtension, datatype: 'Reference' },
  ])
})
