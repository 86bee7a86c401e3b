import t from 'tap'
import { parsePath } from '../../../src/fhir/definition/path-expression.ts'

const child = (...names: readonly string[]): unknown =>
  names.reduce<unknown>(
    (of, name) => (of === undefined ? { kind: 'child', name } : { kind: 'child', of, name }),
    undefined,
  )

const expressions: readonly [text: string, parsed: unknown][] = [
  ['Patient.name', child('Patient', 'name')],
  ['A.b | C.d', { kind: 'union', of: [child('A', 'b'), child('C', 'd')] }],
  ['A.b.as(Quantity)', { kind: 'as', of: child('A', 'b'), type: 'Quantity' }],
  ['A.b.ofType(Quantity)', { kind: 'as', of: child('A', 'b'), type: 'Quantity' }],
  ['(A.b as Quantity)', { kind: 'as', of: child('A', 'b'), type: 'Quantity' }],
  [
    '(A.b as Quantity).code',
    { kind: 'child', of: { kind: 'as', of: child('A', 'b'), type: 'Quantity' }, name: 'code' },
  ],
  ["A.b.where(c='d')", { kind: 'where', of: child('A', 'b'), name: 'c', equals: 'd' }],
  [
    "A.extension('u').value",
    { kind: 'child', of: { kind: 'where', of: child('A', 'extension'), name: 'url', equals: 'u' }, name: 'value' },
  ],
  ['A.b.where(resolve() is Patient)', { kind: 'resolves', of: child('A', 'b'), type: 'Patient' }],
  ['A.b[0].c', { kind: 'child', of: { kind: 'index', of: child('A', 'b'), index: 0 }, name: 'c' }],
  ['A.b.exists() and A.b != false', { kind: 'test', of: child('A', 'b') }],
]

t.test('the parts of FHIRPath that search parameters use are understood', async t => {
  for (const [text, parsed] of expressions) t.same(parsePath(text), parsed, text)
})

t.test('anything else is a SyntaxError, never another meaning', async t => {
  for (const text of ['', 'A.b.first()', 'A.b or A.c', '(A.b', 'A.b)', 'A.', '| A', 'A.b.where(c > 1)', 'A.b[x]']) {
    t.throws(() => parsePath(text), SyntaxError, text)
  }
})
