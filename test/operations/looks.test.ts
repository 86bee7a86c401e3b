import t from 'tap'
import { operations } from '../../src/operations/operations.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const send = (method: 'GET' | 'POST' | 'PUT', url: string, body?: object) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
await send('PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })
const observation = (
  await send('POST', 'Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: '2026-03-01T10:00:00Z',
    valueSampledData: { origin: { value: 0 }, period: 1000, dimensions: 1, data: '1 2 3' },
  })
).json()
const subscription = (
  await send('POST', 'Subscription', {
    resourceType: 'Subscription',
    status: 'off',
    reason: 'looks',
    criteria: 'Observation?code=8867-4',
    channel: { type: 'websocket' },
  })
).json()

const days = 'subject=Patient/ann&start=2026-03-01&end=2026-03-02'
/** Each operation that changes nothing, by name and type, with its refusal if that is the usual answer. */
const asked: Readonly<Record<string, string>> = {
  'cgm-summary': `Observation/$cgm-summary?${days}`,
  completeness: `Observation/$completeness?${days}`,
  'daily-summary': `Observation/$daily-summary?${days}`,
  'expand ValueSet': 'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/name-use',
  'glucose-profile': `Observation/$glucose-profile?${days}`,
  'everything Group': 'Group/nobody/$everything?',
  'everything Patient': 'Patient/ann/$everything?',
  lastn: 'Observation/$lastn?patient=ann',
  meta: 'Patient/ann/$meta?',
  points: `Observation/${observation.id}/$points?`,
  series: `Observation/$series?${days}&code=x&unit=kg`,
  stats: 'Observation/$stats?subject=ann&code=x&statistic=count',
  events: `Subscription/${subscription.id}/$events?`,
  status: 'Subscription/$status?',
  'get-ws-binding-token': 'Subscription/$get-ws-binding-token?',
  validate: 'Patient/ann/$validate?',
  'validate-code CodeSystem': 'CodeSystem/$validate-code?url=http://hl7.org/fhir/name-use&code=usual',
  'validate-code ValueSet': 'ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/name-use&code=usual',
}

t.test('every operation respects the parameters for the format of its answer', async t => {
  for (const { name, types, methods } of operations) {
    if (!methods.includes('GET')) continue
    const url = asked[name] ?? asked[`${name} ${types}`]
    if (url === undefined) {
      t.fail(`$${name} of ${types} is not tried`)
      continue
    }
    const usual = await send('GET', url)
    const pretty = await send('GET', `${url}&_format=json&_pretty=true`)
    t.equal(pretty.statusCode, usual.statusCode, `${url}: ${pretty.body}`)
    t.match(pretty.body, /^\{\n {2}"/, url)
    const xml = await send('GET', `${url}&_format=xml`)
    t.equal(xml.statusCode, usual.statusCode, `${url}: ${xml.body}`)
    t.match(xml.headers, { 'content-type': 'application/fhir+xml; charset=utf-8' }, url)
  }
})

t.test('a posted request can have them in its URL', async t => {
  const body = { resourceType: 'Parameters', parameter: [{ name: 'patient', valueString: 'ann' }] }
  const answer = await send('POST', 'Observation/$lastn?_format=xml', body)
  t.match(answer, { statusCode: 200, headers: { 'content-type': 'application/fhir+xml; charset=utf-8' } })
})

t.test('links of $points keep the format', async t => {
  const links: readonly { readonly relation: string; readonly url: string }[] = (
    await send('GET', `Observation/${observation.id}/$points?_count=1&_format=json&_pretty=true`)
  ).json().link
  t.match(links.find(({ relation }) => relation === 'next')?.url, /_count=1&_offset=1&_format=json&_pretty=true$/)
})
