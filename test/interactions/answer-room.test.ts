import t from 'tap'
import { openAnswerRoom } from '../../src/interactions/answer-room.ts'
import { bundleChunks } from '../../src/interactions/bundle-text.ts'
import { fhirWorld } from '../support/fhir-server.ts'

t.test('what the entries of a Bundle answer has room together, and what comes after is not carried out', async t => {
  const within = openAnswerRoom(100)
  const text = { status: 200, body: { kind: 'text', text: 'x'.repeat(60) } } as const
  t.same(await within(async () => text), text)
  t.same(await within(async () => ({ status: 204 })), { status: 204 }, 'what answers nothing takes no room')
  const page = bundleChunks({ type: 'searchset', link: [] }, ['{"resource":1}', '{"resource":2}'])
  t.same(await within(async () => ({ status: 200, body: { kind: 'chunks', chunks: page } })), {
    status: 200,
    body: {
      kind: 'text',
      text: '{"resourceType":"Bundle","type":"searchset","entry":[{"resource":1},{"resource":2}]}',
    },
  })
  let isAsked = false
  const after = within(async () => {
    isAsked = true
    return text
  })
  await t.rejects(after, {
    status: 400,
    message: 'The entries before this one answer as much as one Bundle may: ask in parts',
  })
  t.equal(isAsked, false)
})

t.test('a short Bundle asks for no answer of gigabytes', async t => {
  const { server } = await fhirWorld()
  t.teardown(() => server.close())
  const post = async (url: string, body: object) =>
    (
      await server.inject({
        method: 'POST',
        url: `/fhir${url}`,
        headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
        payload: JSON.stringify(body),
      })
    ).json()
  const { id } = await post('/Basic', { resourceType: 'Basic', code: { text: 'x'.repeat(20_000_000) } })
  const entry = Array(8).fill({ request: { method: 'GET', url: `Basic/${id}` } })
  const batch = await post('', { resourceType: 'Bundle', type: 'batch', entry })
  t.same(
    batch.entry.map(({ response }: { response: { status: string } }) => response.status),
    [...Array(7).fill('200 OK'), '400 Bad Request'],
  )
  t.match(await post('', { resourceType: 'Bundle', type: 'transaction', entry }), {
    resourceType: 'OperationOutcome',
    issue: [{ code: 'too-costly', expression: ['Bundle.entry[7]'] }],
  })
})
