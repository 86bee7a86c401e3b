import fc from 'fast-check'
import t from 'tap'
import { parseText } from '../../src/fhir/escaped-name.ts'
import { inSteps } from '../../src/fhir/give-way.ts'
import { decimalText, parseJson } from '../../src/fhir/json.ts'
import { parseDocument } from '../../src/mhealth/document-text.ts'

const parts = ['\\\\', '\\"', '\\n', '\\/', '\\u005c', '\\u0022', '\\u0061', 'a', 'n', ' ', ':', '{', 'ü', '\\\\u']
const quoted = fc.array(fc.constantFrom(...parts), { maxLength: 4 }).map(some => `"${some.join('')}"`)
const members = fc.array(fc.tuple(quoted, fc.oneof(fc.constantFrom('1', '1.10', '[]'), quoted)), { maxLength: 3 })
const textOf = (some: readonly (readonly string[])[]): string => `{${some.map(one => one.join(' :')).join(', ')}}`
const namesOf = (some: readonly (readonly string[])[]): readonly string[] =>
  [...new Set(some.map(([name = '']): string => JSON.parse(name)))].toSorted()

t.test('each name is read as it is written, whatever was read before', async t => {
  parseText('{"A":1,"\\\\":2}')
  for (const [text, name] of [
    ['{"A":1,"\\"":2}', '"'],
    ['{"A":1,"\\n":2}', '\n'],
    ['{"A":1,"\\u0022" :2}', '"'],
    ['{"A":1,"\\\\":2}', '\\'],
  ] as const)
    t.strictSame(parseText(text), { A: 1, [name]: 2 }, text)
  fc.assert(
    fc.property(fc.array(members, { maxLength: 4 }), all => {
      const read = parseText(`{"all":[${all.map(textOf).join()}]}`) as { readonly all: readonly object[] }
      return all.every((some, at) => `${namesOf(some)}` === `${Object.keys(read.all[at] ?? {}).toSorted()}`)
    }),
    { numRuns: 2000 },
  )
})

t.test('so are the names in a document, and in JSON whose decimals keep their text', async t => {
  const poison = '{"A":1.5,"\\\\":2}'
  const text = '{"A":1.10,"\\"":[{"__proto__":{"\\u0061":1e2}}]}'
  JSON.parse(poison)
  const read = parseJson(text) as Record<string, unknown>
  t.strictSame(Object.keys(read), ['A', '"'])
  t.equal(decimalText(read.A), '1.10')
  t.equal(JSON.stringify(read), text.replace('\\u0061', 'a'))
  JSON.parse(poison)
  const document = await inSteps(parseDocument(Buffer.from('{"A":1.5,"\\"":2}'), 'Observation.value'))
  t.strictSame(document.plain, { A: 1.5, '"': 2 })
})

t.test('what is no JSON is refused in the words of JSON.parse', async t => {
  const thrown = (parse: (text: string) => unknown, text: string): string | undefined => {
    try {
      parse(text)
      return undefined
    } catch (error) {
      return String(error)
    }
  }
  const broken = fc.tuple(members, fc.nat(), fc.constantFrom('"', '\\', ':', '}', ' ', '\n', '\\x'), fc.boolean())
  fc.assert(
    fc.property(broken, ([some, place, sign, isInstead]) => {
      const text = textOf([...some, ['"\\n"', '1']])
      const at = place % text.length
      const other = text.slice(0, at) + sign + text.slice(at + Number(isInstead))
      return thrown(parseText, other) === thrown(JSON.parse, other)
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('a name with millions of escapes, and names at any depth, are read', async t => {
  t.same(Object.keys(parseText(`{"${'\\\\'.repeat(2_000_000)}":1}`) as object), ['\\'.repeat(2_000_000)])
  const deep = parseText(`${'{"\\t":['.repeat(5000)}1${']}'.repeat(5000)}`)
  t.strictSame(Object.keys(deep as object), ['\t'])
})
