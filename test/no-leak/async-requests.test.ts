import { setTimeout as pause } from 'node:timers/promises'
import type { Bundle } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { registerClient } from '../../src/storage/client.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { type Call, consentOf, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld({ pauseMs: 20, retries: 1 })
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const query = 'Observation?_count=1000&_include=Observation:subject&_revinclude=Provenance:target'
const idsIn = ({ entry = [] }: Bundle): readonly string[] =>
  entry.map(({ resource }) => `${resource?.resourceType}/${resource?.id}`).sort()

type Asked = { readonly name: string; readonly call: Call; readonly location: string }
const asked: Asked[] = []
/** What was found, or the status where it was refused. */
const answered = async ({ call, location }: Asked): Promise<unknown> => {
  for (;;) {
    const { status, body } = await call('GET', location)
    if (status === 202) {
      await pause(100)
      continue
    }
    const [{ resource, response }] = JSON.parse(body).entry
    return resource === undefined ? Number.parseInt(response.status, 10) : idsIn(resource)
  }
}

const answeredNow = async ({ call }: Asked): Promise<unknown> => {
  const { status, body } = await call('GET', query)
  return status === 200 ? idsIn(JSON.parse(body)) : status
}

const compare = async (tap: Test): Promise<void> => {
  for (const one of asked) tap.same(await answered(one), await answeredNow(one), one.name)
}

t.test('whoever may search nothing is told so at once', async t => {
  for (const { name, token } of callers) {
    const call = world.call(token && (await world.token(token)))
    const { status, headers, body } = await call('GET', query, undefined, { prefer: 'respond-async' })
    if (status === 202)
      asked.push({ name, call, location: String(headers['content-location']).split('/fhir/')[1] ?? '' })
    else t.equal((await call('GET', query)).status, status, `${name} is refused at once: ${body}`)
  }
  t.ok(asked.length > 20)
})

t.test('what is answered later is what the caller may see at that time', async t => {
  await compare(t)
})

t.test('of what was taken back since, nothing is answered', async t => {
  for (const consent of facts.consents.filter(({ patient }) => patient === 'ann')) {
    const { id, ...content } = consentOf({ ...consent, status: 'inactive' })
    t.ok((await world.everything('PUT', `Consent/${id}`, { ...content, id })).status < 300)
  }
  await compare(t)
})

t.test('nobody sees how far another caller is, or cancels it', async t => {
  for (const [index, { call, name }] of asked.entries()) {
    const other = asked[(index + 1) % asked.length]
    for (const method of ['GET', 'DELETE'] as const)
      t.equal((await call(method, other?.location ?? '')).status, 404, `${name} ${method}`)
  }
  t.equal((await world.call(undefined)('GET', asked[0]?.location ?? '')).status, 401)
})
