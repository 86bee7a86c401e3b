import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { parseScope } from '../../src/access/scope.ts'
import { criteriaOfScope, criteriaRefusal, type ParseCriteria } from '../../src/access/scope-criteria.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { and, type Expression } from '../../src/search/expression.ts'
import { parseCriteria } from '../../src/search/parse.ts'
import { print } from '../../src/search/print.ts'

const registry = loadRegistry()
const parse: ParseCriteria = (type, query) => parseCriteria(registry, type, query, { isOfItself: true })
const scopeOf = (word: string) => {
  const scope = parseScope(word)
  if (scope === undefined) throw new Error(`${word} is no scope`)
  return scope
}
const leaves = (word: string, type: ResourceType = 'Observation') => print(criteriaOfScope(scopeOf(word), type, parse))
const refusal = (word: string) => criteriaRefusal(scopeOf(word), registry.resourceTypes, parse)

t.test('a scope leaves what its query finds, and one without a query everything', async t => {
  for (const [word, left] of [
    ['patient/Observation.rs', 'all'],
    ['patient/Observation.rs?status=final', '(status final)'],
    ['patient/Observation.rs?status=final&_id=a', '(and (status final) (_id a))'],
    ['patient/*.rs?_id=a', '(_id a)'],
    ['patient/Observation.rs?status=urn:x|final', 'none'],
  ] as const) {
    t.equal(leaves(word), left, word)
    t.equal(refusal(word), undefined, word)
  }
})

t.test(
  'a query that asks of other resources, even beside what it asks of its own, is not granted and leaves nothing',
  async t => {
    for (const [query, why] of [
      ['subject.name=Ann', /asks of no other resources/],
      ['status=final&subject.name=Ann', /asks of no other resources/],
      ['status=final&subject.name=Ann,Bob', /asks of no other resources/],
      ['subject:Patient.name=Ann', /no modifier: subject:Patient.name$/],
      ['_has:Provenance:target:agent=a', /no modifier/],
      ['status=final&code:in=urn:x', /no modifier: code:in$/],
      ['status:not=final', /no modifier/],
      ['_list=a', /cannot be a criterion/],
      ['_filter=status%20eq%20final', /cannot be a criterion/],
      ['nonsense=1', /no search parameter of Observation/],
    ] as const) {
      const word = `user/Observation.rs?${query}`
      t.match(refusal(word), why, query)
      t.equal(leaves(word), 'none', query)
    }
  },
)

t.test(
  'whatever question is no plain comparison of the row leaves nothing, also one that no query can ask today',
  async t => {
    const itself: Expression = parse('Observation', 'status=final')
    const asked: readonly Expression[] = [
      { kind: 'not', of: itself },
      { kind: 'listed', by: itself },
      { kind: 'there', type: 'Patient', id: 'ann', of: { kind: 'all' } },
      { kind: 'uploaded', of: itself },
    ]
    for (const beyond of asked)
      for (const question of [beyond, and(itself, beyond)]) {
        const left = criteriaOfScope(scopeOf('user/Observation.rs?status=final'), 'Observation', () => question)
        t.equal(print(left), 'none', print(question))
      }
  },
)

t.test('the query of a wildcard has to be one for every type, and that of a type for this one alone', async t => {
  t.match(refusal('user/*.rs?code=a'), /"code" is no search parameter of/)
  t.equal(refusal('user/Observation.rs?code=a'), undefined)
  t.equal(refusal('user/Nothing.rs?code=a'), 'Nothing is no type of resource')
  t.equal(refusal('user/Nothing.rs'), undefined, 'there is no query to refuse')
})

t.test('a fault is not told as a reason why a scope is not granted', async t => {
  const broken = () => {
    throw new TypeError('broken')
  }
  t.throws(() => criteriaRefusal(scopeOf('user/Observation.rs?code=a'), ['Observation'], broken), TypeError)
})
