import fc from 'fast-check'
import t from 'tap'
import { duplicateName } from '../../src/fhir/duplicate-name.ts'
import { parseJson } from '../../src/fhir/json.ts'

const duplicateIn = (text: string) => duplicateName(text, parseJson(text))

t.test('a duplicate property is found, wherever it is and however it is written', async t => {
  for (const [text, path] of [
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"b":{"a":1,"c":[{"d":1},{"d":1,"e":[1.10,2,"x"],"d":2}]}}', 'b.c[1].d'],
    ['{"a":{},"b":[],"a":{}}', 'a'],
    ['[{"a":1},[{"b":{"c":1 , "c"\t:\n1}}]]', '[1][0].b.c'],
    ['{"a\\u0062":1,"ab":2}', 'ab'],
    ['{"value":1.10,"value":1.1}', 'value'],
    ['{"":1,"":2}', ''],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"a":"\\":","b":{"c":":","c":"\\\\"}}', 'b.c'],
  ] as const)
    t.equal(duplicateIn(text), path, text)
})

t.test('what looks like one within strings and numbers is not one', async t => {
  for (const text of [
    '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    '{"a":"\\"a\\":1,\\"a\\":2","b":":","c":"{\\"x\\":1,\\"x\\":2}"}',
    '{"a\\\\":1,"b":"\\\\"}',
    '{"a":1.10,"b":-0,"c":1e400,"d":null,"e":true}',
    '"a"',
    '1.50',
    'null',
    '[]',
    '{}',
  ])
    t.equal(duplicateIn(text), undefined, text)
})

t.test('for any JSON it finds exactly what a reader of each object finds', async t => {
  // None that JSON escapes: V8 confuses some of those with others that it has read before.
  const names = fc.constantFrom('a', 'b', ':', 'a b', 'ä', '__proto__')
  const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(1, null, true, '":', '\\', '{"a":1,"a":2}', ''),
      fc.array(tie('tree'), { maxLength: 3 }).map(items => ({ kind: 'list', items })),
      fc.array(fc.tuple(names, tie('tree')), { maxLength: 4 }).map(members => ({ kind: 'object', members })),
    ),
  }))
  type Node =
    | { readonly kind: 'list'; readonly items: readonly Node[] }
    | { readonly kind: 'object'; readonly members: readonly (readonly [string, Node])[] }
  const isNode = (node: unknown): node is Node => typeof node === 'object' && node !== null
  const print = (node: unknown): string => {
    if (!isNode(node)) return JSON.stringify(node)
    if (node.kind === 'list') return `[${node.items.map(print).join(', ')}]`
    return `{${node.members.map(([name, child]) => `${JSON.stringify(name)} : ${print(child)}`).join(',')}}`
  }
  const isTwice = (node: unknown): boolean => {
    if (!isNode(node)) return false
    if (node.kind === 'list') return node.items.some(isTwice)
    const seen = new Set(node.members.map(([name]) => name))
    return seen.size < node.members.length || node.members.some(([, child]) => isTwice(child))
  }
  const isRight = fc.property(tree, node => (duplicateIn(print(node)) !== undefined) === isTwice(node))
  t.doesNotThrow(() => fc.assert(isRight, { numRuns: 3000 }))
})
