import fc from 'fast-check'
import t from 'tap'
import { decimalText, isNumber, parseJson, toNumber } from '../../src/fhir/json.ts'

t.test('numbers are written back as they came', async t => {
  const texts = ['1.10', '-0', '-0.0', '1e2', '1E-7', '0.0000001', '12345678901234567890', '0.100', '1.5', '7', '-3.25']
  for (const text of texts) {
    t.equal(JSON.stringify(parseJson(text)), text)
    t.equal(JSON.stringify(parseJson(`{"a":${text},"b":[${text},2]}`)), `{"a":${text},"b":[${text},2]}`)
    t.equal(JSON.stringify(parseJson(`{ "a" : ${text} }`)), `{"a":${text}}`)
    t.equal(decimalText(parseJson(text)), text)
    t.equal(toNumber(parseJson(text)), Number(text))
  }
})

t.test('a decimal that JavaScript writes the same stays a number', async t => {
  t.equal(parseJson('1.5'), 1.5)
  t.same(parseJson('["1.10", "at 10:00:00.100", "urn:uuid:1e3"]'), ['1.10', 'at 10:00:00.100', 'urn:uuid:1e3'])
})

t.test('only numbers are numbers', async t => {
  t.ok(isNumber(parseJson('1.10')))
  for (const value of ['1', null, {}, [], true, undefined]) {
    t.notOk(isNumber(value))
    t.equal(decimalText(value), undefined)
    t.ok(Number.isNaN(toNumber(value)))
  }
})

t.test('any JSON comes back the same', async t => {
  const decimal = fc
    .tuple(fc.maxSafeInteger(), fc.nat({ max: 999_999 }), fc.nat({ max: 30 }))
    .map(([whole, part, exponent]) => [
      `${whole}`,
      `${whole}.${part}`,
      `${whole}.${part}0`,
      `${whole}.${part}e${exponent}`,
    ])
  fc.assert(
    fc.property(decimal, fc.json(), (numbers, other) => {
      const text = `{"numbers":[${numbers.join(',')}],"other":${JSON.stringify(JSON.parse(other))}}`
      return JSON.stringify(parseJson(text)) === text
    }),
  )
  t.pass()
})

t.test('what is not JSON is a SyntaxError', async t => {
  for (const text of ['', '{', '{"a":1.10', 'undefined']) t.throws(() => parseJson(text), SyntaxError)
})
