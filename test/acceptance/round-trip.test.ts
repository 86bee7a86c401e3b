import t from 'tap'
import { decimalText, parseJson } from '../../src/fhir/json.ts'
import { keyExamples, withoutExamples } from '../fhir/examples.ts'
import { fhirWorld } from '../support/fhir-server.ts'

/** https://hl7.org/fhir/R4/questionnaire.html: Questionnaire.item.linkId is 1..1, and this one has an item without one. */
const refused = 'Questionnaire/qs1'
/** txt-2: "The narrative SHALL have some non-whitespace content", and the narrative of this one has none. */
const blank = 'Questionnaire/zika-virus-exposure-assessment'

t.test('every published example comes back as it was sent', { skip: withoutExamples }, async t => {
  const { server } = await fhirWorld()
  t.teardown(() => server.close())
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
  const examples = keyExamples()
  t.equal(examples.length, 228)
  const valid = examples.filter(({ name }) => name !== refused && name !== blank)

  await t.test('it is created with its own id', async t => {
    const problems = []
    for (const { name, resource } of valid) {
      const answer = await server.inject({
        method: 'PUT',
        url: `/fhir/${name}`,
        headers,
        payload: JSON.stringify(resource),
      })
      if (answer.statusCode !== 201) problems.push(`${name}: ${answer.statusCode} ${answer.body}`)
      else if (textOf(sent(parseJson(answer.body))) !== textOf(sent(resource)))
        problems.push(`${name}: answered otherwise`)
    }
    t.strictSame(problems, [])
  })

  await t.test('it is read', async t => {
    const problems = []
    for (const { name, resource } of valid) {
      // A Binary is answered as content unless FHIR is asked for: https://hl7.org/fhir/R4/binary.html#rest
      const accept = 'application/fhir+json'
      const answer = await server.inject({ url: `/fhir/${name}`, headers: { ...headers, accept } })
      if (answer.statusCode !== 200) problems.push(`${name}: ${answer.statusCode}`)
      else if (textOf(sent(parseJson(answer.body))) !== textOf(sent(resource))) problems.push(`${name}: read otherwise`)
    }
    t.strictSame(problems, [])
  })

  await t.test('it is found by its id', async t => {
    const problems = []
    for (const { name, resource } of valid) {
      const answer = await server.inject({ url: `/fhir/${name.replace('/', '?_id=')}`, headers })
      const { entry } = parseJson(answer.body) as { entry?: { resource: unknown }[] }
      if (entry?.length !== 1) problems.push(`${name}: ${answer.statusCode}, ${entry?.length ?? 0} entries`)
      else if (textOf(sent(entry[0]?.resource)) !== textOf(sent(resource))) problems.push(`${name}: found otherwise`)
    }
    t.strictSame(problems, [])
  })

  await t.test('a Questionnaire with an item without linkId is refused with that reason', async t => {
    const questionnaire = examples.find(({ name }) => name === refused)
    const payload = JSON.stringify(questionnaire?.resource)
    const answer = await server.inject({ method: 'PUT', url: `/fhir/${refused}`, headers, payload })
    t.equal(answer.statusCode, 422)
    t.match(answer.json(), { issue: [{ severity: 'error', expression: [/^Questionnaire\.item.*\.linkId$/] }] })
    t.equal((await server.inject({ url: `/fhir/${refused}`, headers })).statusCode, 404)
  })
})

/** What the client wrote: everything but the version, which is the server's. */
const sent = (resource: unknown): unknown => {
  const { meta, ...rest } = resource as { resourceType: string; meta?: Record<string, unknown> }
  const { versionId: _, lastUpdated: __, ...kept } = meta ?? {}
  // An imported Subscription is off until somebody requests it.
  const off = rest.resourceType === 'Subscription' ? { status: 'off' } : {}
  return { ...rest, ...off, ...(Object.keys(kept).length === 0 ? {} : { meta: kept }) }
}

/** Members sorted; decimals as written, except exponents, which PostgreSQL writes out. */
const textOf = (value: unknown): string => JSON.stringify(value, (_key, member) => decimalOf(member) ?? sorted(member))

const decimalOf = (value: unknown): string | undefined => {
  const text = decimalText(value)
  return text === undefined ? undefined : `decimal ${written(text)}`
}

/** 1e-3 is 0.001, 1.50e1 is 15.0 and 1.10 stays 1.10. */
const written = (text: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e(.+))?$/i.exec(text) ?? []
  const places = fraction.length - Number(exponent)
  const digits = `${whole}${fraction}${'0'.repeat(Math.max(0, -places))}`.padStart(places + 1, '0')
  const point = digits.length - Math.max(places, 0)
  return `${sign}${BigInt(digits.slice(0, point))}.${digits.slice(point)}`
}

const sorted = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
