import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { duplicateName } from '../../src/fhir/duplicate-name.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { readJson } from '../../src/fhir/json-pieces.ts'

const mostValues = 100_000

/** What reading in pieces of this length gives, as text; undefined for invalid JSON. */
const inPieces = async (text: string, pieceLength: number): Promise<string | undefined> => {
  try {
    const { value, twice } = await readJson(text, { mostValues, pieceLength })
    return twice === undefined ? JSON.stringify(value) : `twice ${twice}`
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const atOnce = (text: string): string | undefined => {
  try {
    const value = parseJson(text)
    const twice = duplicateName(text, value)
    return twice === undefined ? JSON.stringify(value) : `twice ${twice}`
  } catch {
    return undefined
  }
}

const some = [
  '{"a":1.10,"b":[1,[2,{"c":"x,y]}\\"\\\\"}],{}],"d":{"e":{"f":[null,true,-0]}}}',
  ' [ [ [ 1 , 2 ] , 3 ] , { "a" : [ ] , "b" : { } } ] ',
  '{"__proto__":{"a":1,"b":[1,2,3]},"c":1}',
  '["\\\\","\\"",",","[","]"]',
]

t.test('JSON in pieces of any length is the same as at once', async t => {
  for (const text of some)
    for (let length = 0; length < text.length; length += 1) t.equal(await inPieces(text, length), atOnce(text), text)
  const decimal = fc.constantFrom('1.10', '-0', '1e3', '7')
  const anything = fc.tuple(fc.json(), fc.json(), decimal, fc.boolean(), fc.nat({ max: 30 }))
  await fc.assert(
    fc.asyncProperty(anything, async ([one, other, number, isSpaced, length]) => {
      const text = `{"a":${one},"b":[${number},${isSpaced ? JSON.stringify(JSON.parse(other), null, 2) : other},${number}]}`
      return (await inPieces(text, length)) === atOnce(text)
    }),
    { numRuns: 2000 },
  )
})

t.test('what is not JSON at once is not JSON in pieces', async t => {
  const signs = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '1', ' ', 'null', '\\', '\u00A0')
  const changed = fc.tuple(fc.constantFrom(...some), fc.nat(), fc.nat({ max: 2 }), signs)
  await fc.assert(
    fc.asyncProperty(changed, fc.nat({ max: 12 }), async ([text, at, gone, sign], length) => {
      const place = at % (text.length + 1)
      const other = text.slice(0, place) + sign + text.slice(place + gone)
      const [expected, found] = [atOnce(other), await inPieces(other, length)]
      return found === expected
    }),
    { numRuns: 5000 },
  )
  t.pass()
})

t.test('a duplicate property is found in one piece and across several, with its place', async t => {
  for (const [text, path] of [
    ['{"a":{"b":[{"c":1,"d":2},{"c":1,"c":2}]}}', 'a.b[1].c'],
    ['{"a":{"b":1,"c":[1,2,3],"b":{"d":[1,2]}},"e":1}', 'a.b'],
    ['{"a":1,"b":[1,2,3,4,5,6],"a":[1,2,3]}', 'a'],
    ['[1,2,{"a":[1,2]},[3,{"b":1,"b":2}]]', '[3][1].b'],
  ] as const)
    for (let length = 0; length < text.length; length += 1)
      t.equal((await readJson(text, { mostValues, pieceLength: length })).twice, path, text)
})

t.test('an error is reported with its place in the whole', async t => {
  const text = `{"a":[${'1,'.repeat(200)}1 "x"],"b":1}`
  for (const pieceLength of [10, 100, 1000]) {
    const wrong = await readJson(text, { mostValues, pieceLength }).catch(error => error)
    t.match(wrong, SyntaxError)
    if (pieceLength < text.length) t.match(wrong.message, ` at position ${text.indexOf('"x')}`)
  }
})

t.test('a long text nests at most 500 levels, and has as many values as are allowed', async t => {
  const refused = async (text: string, pieceLength = 100) => {
    const error = await readJson(text, { mostValues: 1000, pieceLength }).catch(error => error)
    t.ok(error instanceof FhirError)
    return `${error.status} ${error.message}`
  }
  t.equal(await refused('['.repeat(501)), '400 The body is nested more than 500 levels deep')
  t.equal(await refused(`[${'1,'.repeat(1000)}1]`), '413 The body has more than 1000 values: send it in parts')
  t.equal(await refused(`[${'{},'.repeat(600)}{}]`), '413 The body has more than 1000 values: send it in parts')
  const nested = '['.repeat(500) + ']'.repeat(500)
  t.equal(await inPieces(nested, 100), nested)
})

t.test('a short text has the same limit of nesting', async t => {
  const refusal = (text: string) =>
    readJson(text, { mostValues: 1000 }).then(
      () => undefined,
      error => error instanceof FhirError && `${error.status} ${error.message}`,
    )
  const nested = (depth: number, [first, inner, last]: readonly [string, string, string]) =>
    first.repeat(depth) + inner + last.repeat(depth)
  for (const parts of [
    ['[', '', ']'],
    ['[', '1.10', ']'],
    ['{"a":', '1.10', '}'],
  ] as const) {
    t.equal(await refusal(nested(500, parts)), undefined)
    t.equal(await refusal(nested(501, parts)), '400 The body is nested more than 500 levels deep')
  }
})

t.test('others have their turn while long JSON is read', async t => {
  let turns = 0
  let isDone = false
  const reading = readJson(`[${'1.10,'.repeat(500_000)}1]`, { mostValues: 1_000_000 }).then(({ value }) => {
    isDone = true
    return value
  })
  while (!isDone) {
    turns += 1
    await setImmediate()
  }
  t.ok(turns > 2, `${turns} turns`)
  t.equal(((await reading) as unknown[]).length, 500_001)
})
