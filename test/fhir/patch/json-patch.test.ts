import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { applyPatch, createPatch } from 'rfc6902'
import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { parseJson } from '../../../src/fhir/json.ts'
import { parseJsonPatch } from '../../../src/fhir/patch/json-patch.ts'

const patched = (document: unknown, ...operations: readonly unknown[]) => parseJsonPatch(operations)(document)
const refused = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof FhirError) return [error.status, error.message]
    throw error
  }
  return undefined
}

t.test('each operation does what RFC 6902 says', async t => {
  const document = { a: [1, 2], b: { 'x/y': 1, 'm~n': 2 } }
  const rows: readonly (readonly [object, unknown])[] = [
    [
      { op: 'add', path: '/a/1', value: 9 },
      { ...document, a: [1, 9, 2] },
    ],
    [
      { op: 'add', path: '/a/-', value: 9 },
      { ...document, a: [1, 2, 9] },
    ],
    [
      { op: 'add', path: '/c', value: null },
      { ...document, c: null },
    ],
    [
      { op: 'add', path: '/a', value: 9 },
      { ...document, a: 9 },
    ],
    [{ op: 'add', path: '', value: 9 }, 9],
    [
      { op: 'remove', path: '/b/x~1y' },
      { ...document, b: { 'm~n': 2 } },
    ],
    [
      { op: 'remove', path: '/a/0' },
      { ...document, a: [2] },
    ],
    [
      { op: 'replace', path: '/b/m~0n', value: 9 },
      { ...document, b: { 'x/y': 1, 'm~n': 9 } },
    ],
    [
      { op: 'move', from: '/a/0', path: '/a/1' },
      { ...document, a: [2, 1] },
    ],
    [
      { op: 'move', from: '/b', path: '/c' },
      { a: [1, 2], c: document.b },
    ],
    [
      { op: 'copy', from: '/b', path: '/c' },
      { ...document, c: document.b },
    ],
    [{ op: 'test', path: '/b', value: { 'm~n': 2, 'x/y': 1 } }, document],
  ]
  for (const [operation, expected] of rows)
    t.strictSame(patched(document, operation), expected, JSON.stringify(operation))
  t.strictSame(document, { a: [1, 2], b: { 'x/y': 1, 'm~n': 2 } }, 'the document stays as it was')
})

t.test('nothing is added to a list that is not there, and the refusal says how one is begun', async t => {
  const document = { a: [1], b: { c: 'x' } }
  const missing = (at: string) => `there is nothing at ${at}`
  const howTo = (at: string) => `${missing(at)}; a list that is not there yet is added whole, as the value of ${at}`
  for (const [path, reason] of [
    ['/d/-', howTo('/d')],
    ['/d/0', howTo('/d')],
    ['/b/d/-', howTo('/b/d')],
    ['/d/1', missing('/d')],
    ['/d/e/-', missing('/d')],
    ['/b/c/-', '/b/c has nothing below it'],
  ] as const)
    t.strictSame(
      refused(() => patched(document, { op: 'add', path, value: 9 })),
      [422, `Operation 0 of the patch (add ${path}): ${reason}`],
    )
  t.strictSame(patched(document, { op: 'add', path: '/d', value: [9] }), { ...document, d: [9] })
})

t.test('decimals keep their text, and are the same number however they are written', async t => {
  const document = parseJson('{"a":1.10,"list":[2.50]}')
  const operations = parseJson(
    '[{"op":"test","path":"/a","value":1.1},{"op":"add","path":"/b","value":3.00},{"op":"copy","from":"/list/0","path":"/c"},' +
      '{"op":"move","from":"/a","path":"/list/-"},{"op":"test","path":"/list","value":[25e-1,1.1000]}]',
  ) as unknown[]
  t.equal(JSON.stringify(parseJsonPatch(operations)(document)), '{"list":[2.50,1.10],"b":3.00,"c":2.50}')
  t.match(
    refused(() => patched(document, { op: 'test', path: '/a', value: 1.11 })),
    [422],
  )
  t.match(
    refused(() => patched(document, { op: 'add', path: '/a/rawJSON', value: 1 })),
    [422],
  )
})

t.test('an operation that cannot be carried out is named', async t => {
  const document = { a: [1, 2], b: 'x' }
  const rows: readonly (readonly [readonly unknown[], number, string])[] = [
    [
      [
        { op: 'test', path: '/b', value: 'x' },
        { op: 'remove', path: '/c' },
      ],
      422,
      'Operation 1 of the patch (remove /c): there is nothing at /c',
    ],
    [
      [{ op: 'replace', path: '/a/2', value: 1 }],
      422,
      'Operation 0 of the patch (replace /a/2): there is nothing at /a/2',
    ],
    [[{ op: 'add', path: '/a/3', value: 1 }], 422, 'Operation 0 of the patch (add /a/3): a list of 2 has no place 3'],
    [
      [{ op: 'add', path: '/a/01', value: 1 }],
      422,
      'Operation 0 of the patch (add /a/01): a list of 2 has no place 01',
    ],
    [[{ op: 'add', path: '/b/c', value: 1 }], 422, 'Operation 0 of the patch (add /b/c): /b has nothing below it'],
    [
      [{ op: 'move', from: '/a', path: '/a/0' }],
      422,
      'Operation 0 of the patch (move /a/0): nothing can be moved into itself',
    ],
    [[{ op: 'remove', path: '' }], 422, 'Operation 0 of the patch (remove ): the whole resource cannot be removed'],
    [[{ op: 'test', path: '/b', value: 'y' }], 422, 'Operation 0 of the patch (test /b): the value there is another'],
    [
      [{ op: 'remove', path: '/__proto__' }],
      422,
      'Operation 0 of the patch (remove /__proto__): there is nothing at /__proto__',
    ],
    [
      [{ op: 'remove', path: '/length' }],
      422,
      'Operation 0 of the patch (remove /length): there is nothing at /length',
    ],
    [[null], 400, 'Operation 0 of the patch is not an object'],
    [
      [{ op: 'put', path: '/a' }],
      400,
      'Operation 0 of the patch: "op" is add, remove, replace, move, copy or test, not "put"',
    ],
    [[{ op: 'add', path: '/a' }], 400, 'Operation 0 of the patch: add has a "value"'],
    [
      [{ op: 'remove', path: 'a' }],
      400,
      'Operation 0 of the patch: "path" is a JSON Pointer such as /name/0/family, not "a"',
    ],
    [
      [{ op: 'copy', path: '/a' }],
      400,
      'Operation 0 of the patch: "from" is a JSON Pointer such as /name/0/family, not undefined',
    ],
  ]
  for (const [operations, status, message] of rows)
    t.strictSame(
      refused(() => patched(document, ...operations)),
      [status, message],
    )
})

t.test('copies of copies do not fill the memory', async t => {
  const double = Array.from({ length: 60 }, (_, index) => ({ op: 'copy', from: '', path: `/${index}` }))
  t.match(
    refused(() => patched({ a: [1] }, ...double)),
    [422, /becomes too large/],
  )
  t.match(
    refused(() => patched({}, ...Array(1001).fill({ op: 'test', path: '', value: {} }))),
    [400],
  )
})

t.test('it agrees with another implementation on every patch between two documents', async t => {
  const objectOf = <Value>(names: readonly string[], value: fc.Arbitrary<Value>) =>
    fc.dictionary(fc.constantFrom(...names), value, { noNullPrototype: true })
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.string(),
      fc.array(tie('value')),
      objectOf(['a', 'b/c', 'd~'], tie('value')),
    ),
  }))
  const document = objectOf(['a', 'b', 'c'], value)
  fc.assert(
    fc.property(document, document, (from, to) => {
      const operations = createPatch(from, to)
      const other = structuredClone(from)
      applyPatch(other, operations)
      return isDeepStrictEqual(parseJsonPatch(operations)(from), other)
    }),
    { numRuns: 300 },
  )
  t.pass()
})
