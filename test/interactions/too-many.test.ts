import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const post = (resource: { readonly resourceType: string }) =>
  server.inject({
    method: 'POST',
    url: `/fhir/${resource.resourceType}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
    payload: JSON.stringify(resource),
  })
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const codings = (count: number) => many(count, at => ({ code: `c${at}` }))
const observation = (more: object) => ({ resourceType: 'Observation', status: 'final', ...more })

t.test('an Observation whose codes have more codings than are kept is refused, with the maximum', async t => {
  const component = many(4, () => ({ code: { coding: codings(13_000) }, valueInteger: 1 }))
  const answer = await post(observation({ code: { coding: codings(13_537) }, component }))
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    {
      code: 'business-rule',
      diagnostics: 'The codes of an Observation and of its components have at most 65536 codings in all, not 65537',
      expression: ['Observation.code.coding'],
    },
  ])
})

t.test('an Observation is stored with as many components as are kept, each with a code', async t => {
  const component = many(32_767, () => ({ code: { coding: codings(2) }, valueInteger: 1 }))
  const answer = await post(observation({ code: { text: 'whole' }, component }))
  t.equal(answer.statusCode, 201, answer.body)
})

t.test('a Person with more links than anybody has is refused, with the maximum', async t => {
  const link = many(101, at => ({ target: { reference: `Patient/nobody-${at}` } }))
  const answer = await post({ resourceType: 'Person', link } as { readonly resourceType: string })
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    { code: 'business-rule', diagnostics: 'A Person has at most 100 links, not 101', expression: ['Person.link'] },
  ])
})
