import t from 'tap'
import { type Constraint, childOf, contentOf, type Element } from '../../../src/fhir/definition/structure.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { invariantOf, written } from '../../../src/fhir/validate/invariants.ts'
import { fhirpathInvariant } from '../../../src/fhir/validate/invariants-fhirpath.ts'
import { isJson, type Json, type Walk } from '../../../src/fhir/validate/walk.ts'
import { allExamples, type Example, keyExamples, withoutExamples } from '../examples.ts'
import { mutated } from './mutations.ts'

/** Where our rule departs from its FHIRPath on purpose, or fhirpath.js from FHIRPath. */
const departures: Readonly<Record<string, string>> = {
  'que-7': '`answer is Boolean` means the boolean of FHIR; fhirpath.js takes it for that of FHIRPath',
  'txt-1': 'htmlChecks() is not a function of fhirpath.js',
  'txt-2': 'htmlChecks() is not a function of fhirpath.js',
}

const knownDifferences: Readonly<Record<string, string>> = {
  'bdl-4 at Bundle of Bundle/bundle-transaction .type removed: true':
    'a Bundle without a type is refused for that alone; to FHIRPath, what compares with nothing is not so',
}

const registry = loadRegistry()

/** Other changes break the types, so that a rule has nothing to say. */
const onlyRemoved = (example: Example): Example[] =>
  [...mutated(example, 46)].filter(({ mutation }) => mutation === 'removed')

const ruleFor = (constraint: Constraint, path: string) =>
  written[`${path} ${constraint.key}`] ?? written[constraint.key]

const fhirpathRule = (constraint: Constraint, path: string) => {
  const key = `${path} ${constraint.expression}`
  const known = rules.get(key)
  if (known !== undefined) return known
  const rule = fhirpathInvariant(constraint, path)
  rules.set(key, rule)
  return rule
}
const rules = new Map<string, ReturnType<typeof fhirpathInvariant>>()

const withPlainNumbers = ({ name, resource }: Example): Example => ({
  name,
  resource: JSON.parse(JSON.stringify(resource)),
})

type Asked = { readonly constraint: Constraint; readonly path: string; readonly value: unknown; readonly walk: Walk }

/** Every constraint on an element of the resource. */
function* askedOf({ resource }: Example): Generator<Asked> {
  const root = registry.structures.get(String(resource.resourceType))?.root
  if (root === undefined) return
  const walk: Walk = { issues: [], path: [], root: resource, resource, isTooDeep: false, fragments: [] }
  yield* visit(root, root.path, resource, walk)
}

function* visit(element: Element, type: string, value: Json, walk: Walk): Generator<Asked> {
  for (const constraint of registry.structures.get(type)?.root.constraints ?? element.constraints) {
    yield { constraint, path: registry.structures.has(type) ? type : element.path, value, walk }
  }
  for (const [key, child] of Object.entries(value)) yield* visitChild(elementOf(element, type, key), child, walk)
}

function* visitChild(below: Below | undefined, child: unknown, walk: Walk): Generator<Asked> {
  if (below === undefined) return
  for (const one of [child].flat()) if (isJson(one)) yield* visit(below.element, below.type, one, walk)
}

type Below = { readonly element: Element; readonly type: string }

const elementOf = (element: Element, type: string, key: string): Below | undefined => {
  for (let end = key.length; end > 0; end -= 1) {
    const found = childOf(registry.structures, element, type, key.slice(0, end))
    if (found === undefined || (end < key.length && !found.isChoice)) continue
    const suffix = key.slice(end)
    const codes = found.types.map(one => one.code)
    const below = contentOf(registry.structures, found) ?? found
    const code = codes.find(one => one.toLowerCase() === suffix.toLowerCase()) ?? codes[0] ?? below.path
    return { element: below, type: below.children.size > 0 ? below.path : code }
  }
  return undefined
}

t.test('the rules that we wrote ourselves agree with their FHIRPath', { skip: withoutExamples }, async t => {
  const examples = [...keyExamples(), ...allExamples()]
    .filter(({ resource }) => JSON.stringify(resource).length < 20_000)
    .map(withPlainNumbers)
  const seen = new Map<string, number>()
  const differences = new Set<string>()
  for (const example of examples.flatMap(one => [one, ...onlyRemoved(one)])) {
    for (const { constraint, path, value, walk } of askedOf(example)) {
      const ours = ruleFor(constraint, path)?.(value as never, walk)
      if (ours === undefined || constraint.key in departures) continue
      seen.set(constraint.key, (seen.get(constraint.key) ?? 0) + 1)
      const theirs = fhirpathRule(constraint, path)(value, walk)
      if (ours !== theirs) differences.add(`${constraint.key} at ${path} of ${example.name}: ${ours}`)
    }
  }
  t.same(
    [...differences].filter(one => !(one in knownDifferences)),
    [],
  )
  t.ok(seen.size > 50, `${seen.size} rules were checked`)
})

/** What administrators alone write, and describe software with: none has very many elements. */
const describing =
  /^(?:CapabilityStatement|ElementDefinition|ImplementationGuide|MessageDefinition|OperationDefinition|StructureDefinition|StructureMap|TerminologyCapabilities|TestReport|TestScript)\./

t.test(
  'no rule of an element of which a resource may have very many is left to fhirpath.js, which takes long',
  async t => {
    const elements = [...registry.structures.values()].flatMap(({ root }) => below(root))
    const left = elements.flatMap(({ path, constraints }) =>
      constraints
        .filter(one => invariantOf(one, path) !== undefined && ruleFor(one, path) === undefined)
        .map(({ key }) => `${path} ${key}`),
    )
    t.same(
      left.filter(one => !describing.test(one)),
      ['MolecularSequence.referenceSeq msq-5', 'MolecularSequence.referenceSeq msq-6'],
      'a MolecularSequence has one referenceSeq',
    )
  },
)

const below = ({ children }: Element): readonly Element[] =>
  [...children.values()].flatMap(child => [child, ...below(child)])

t.test('a CodeSystem has each code once, at whatever depth', t => {
  const rule = written['csd-1'] as (value: object) => boolean
  const system = (...concept: object[]) => ({ resourceType: 'CodeSystem', concept })
  t.ok(rule(system({ code: 'a', concept: [{ code: 'b' }] }, { code: 'c', concept: [{ code: 'd' }] })))
  t.notOk(rule(system({ code: 'a', concept: [{ code: 'b' }] }, { code: 'c', concept: [{ code: 'b' }] })))
  t.notOk(rule(system({ code: 'a', concept: [{ code: 'a' }] })))
  t.notOk(rule(system({ code: 'a' }, { code: 'a' })))
  t.end()
})
