import t from 'tap'
import { openAnswerRoom } from '../../../src/interactions/bundle/answer-room.ts'
import { bundleChunks } from '../../../src/interactions/bundle/bundle-text.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { longTexts } from '../../support/long-texts.ts'

t.test('the answers of a Bundle’s entries share one limit, and entries beyond it are not carried out', async t => {
  const room = openAnswerRoom(100)
  const text = { status: 200, body: { kind: 'text', text: 'x'.repeat(60) } } as const
  t.same(room.take(text), text)
  t.same(room.take({ status: 204 }), { status: 204 }, 'an empty answer takes no room')
  room.requireSome()
  const page = bundleChunks({ type: 'searchset', link: [] }, ['{"resource":1}', '{"resource":2}'])
  t.same(room.take({ status: 200, body: { kind: 'chunks', chunks: page } }), {
    status: 200,
    body: {
      kind: 'text',
      text: '{"resourceType":"Bundle","type":"searchset","entry":[{"resource":1},{"resource":2}]}',
    },
  })
  t.throws(room.requireSome, {
    status: 400,
    message: 'The entries before this one answer as much as one Bundle may: ask in parts',
  })
})

t.test('a short Bundle cannot ask for gigabytes', async t => {
  const { server } = await fhirWorld()
  t.teardown(() => server.close())
  const post = async (url: string, body: object, prefer = 'return=minimal') =>
    (
      await server.inject({
        method: 'POST',
        url: `/fhir${url}`,
        headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', prefer },
        payload: JSON.stringify(body),
      })
    ).json()
  const identifier = [{ system: 'urn:x', value: 'long' }]
  const long = {
    resourceType: 'Basic',
    identifier,
    code: { coding: longTexts(20_000_000).map(display => ({ display })) },
  }
  const { id } = await post('/Basic', long, 'return=representation')
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

  const statuses = async (entries: readonly object[], prefer?: string) => {
    const answer = await post('', { resourceType: 'Bundle', type: 'batch', entry: [...entries, entry[0]] }, prefer)
    return answer.entry.map(({ response }: { response: { status: string } }) => response.status)
  }
  const met = {
    resource: { resourceType: 'Basic', code: { text: 'y' } },
    request: { method: 'POST', url: 'Basic', ifNoneExist: 'identifier=urn:x|long' },
  }
  t.same(
    await statuses(Array(8).fill(met)),
    [...Array(7).fill('200 OK'), '400 Bad Request', '200 OK'],
    'what is there is met as often as there is room for it, and where it is not answered it takes none of the answer',
  )
  const day = (number: number) => [{ op: 'add', path: '/created', value: `2026-01-0${number + 1}` }]
  const changes = Array.from({ length: 8 }, (_, number) => ({
    resource: {
      resourceType: 'Binary',
      contentType: 'application/json-patch+json',
      data: Buffer.from(JSON.stringify(day(number))).toString('base64'),
    },
    request: { method: 'PATCH', url: `Basic/${id}` },
  }))
  t.same(
    await statuses(changes, 'return=representation'),
    [...Array(7).fill('200 OK'), '400 Bad Request', '400 Bad Request'],
    'it is changed as often, and what the changes answer counts',
  )
})
