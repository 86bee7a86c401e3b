import fc from 'fast-check'
import t from 'tap'
import { withPlainNumbers } from '../../src/fhir/plain-numbers.ts'
import { sql } from '../../src/storage/sql.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }

t.test('a decimal is answered as it is stored, however it was written', async t => {
  const values = ['1.20e1', '1e-7', '-0.0', '1.50E+3', '1.00', '123456789012345678901234567890.10']
  const body = `{"resourceType":"Basic","code":{"text":"-0e1, 1e2"},"extension":[${values.map(value => `{"url":"http://a.b","valueDecimal":${value}}`).join()}]}`
  const stored = ['12.0', '0.0000001', '0.0', '1500', '1.00', '123456789012345678901234567890.10']
  const decimals = (text: string) => [...text.matchAll(/"valueDecimal": ?([^}]+)}/g)].map(([, value]) => value)
  const created = await server.inject({ method: 'POST', url: '/fhir/Basic', headers, payload: body })
  t.equal(created.statusCode, 201)
  t.strictSame(decimals(created.body), stored)
  const read = await server.inject({ url: `/fhir/Basic/${created.json().id}`, headers })
  t.strictSame(decimals(read.body), stored)
  t.equal(read.json().code.text, '-0e1, 1e2')
})

t.test('numbers in a long text are made plain, too, in whichever piece of it they are', async t => {
  const list = (number: string) => JSON.stringify(Array(50_000).fill('1e2')).replaceAll('"', number)
  t.equal(await withPlainNumbers(list('')), list('').replaceAll('1e2', '100'))
  t.equal(await withPlainNumbers(`[-0,${list('"')}]`), `[0,${list('"')}]`, 'a string stays as it is')
})

t.test('numbers are made plain exactly as PostgreSQL makes them', async t => {
  const digits = fc.stringMatching(/^\d{0,12}$/)
  const number = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.constantFrom('0', '1', '10', '907'),
      digits,
      fc.constantFrom('e', 'E', 'e+', 'e-', ''),
      fc.nat(30),
    )
    .map(
      ([sign, whole, fraction, e, exponent]) => `${sign}${whole}${fraction && `.${fraction}`}${e && `${e}${exponent}`}`,
    )
  const texts = fc.sample(number, 500)
  const rows = await database.any<{ text: string }>(sql.fragment`
    SELECT text::jsonb::text AS text FROM unnest(${sql.array(
      texts.map(text => `[${text}]`),
      'text',
    )}) WITH ORDINALITY AS one(text, place) ORDER BY place`)
  t.strictSame(
    await Promise.all(texts.map(text => withPlainNumbers(`[${text}]`))),
    rows.map(({ text }) => text),
  )
})
