import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { findClient, keepClient } from '../../../src/storage/authorization/client-registration.ts'
import { digestOf } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openApps } from '../../auth/world.ts'
import { readSlowly } from '../../support/slow-reader.ts'
import { openPartner } from './partner.ts'
import { base, openPerson } from './patient.ts'

const world = await openApps({ BASE_URL: base })
const { server, database, ann, client } = world
t.teardown(() => server.close())

const metadata = { redirect_uris: [`${base}/account/apps`], token_endpoint_auth_method: 'client_secret_basic' }
const { id: clientId, secret: clientSecret } = await client({
  name: 'Pressure trial',
  organization: world.lab.organization,
  policies: ['cloud-storage-partner'],
  metadata,
})
const partner = openPartner(server, { clientId, clientSecret })
await partner.initialize('Trial', 'https://trial.example.org/logo.png')

/** More than the buffers between server and client hold. */
for (let minute = 10; minute < 30; minute += 1) {
  const time = `2026-01-01T08:${minute}:00Z`
  const header = {
    uuid: randomUUID(),
    schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' },
    source_creation_date_time: time,
    modality: 'sensed',
    place: 'long '.repeat(180_000),
  }
  const body = { heart_rate: { value: 60, unit: 'beats/min' }, effective_time_frame: { date_time: time } }
  const { statusCode } = await server.inject({
    method: 'POST',
    url: `/omh/v1/dataPoints?patient=${ann}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/json' },
    payload: JSON.stringify({ header, body }),
  })
  if (statusCode !== 201) throw new Error(`${statusCode}`)
}

const anns = await openPerson(world, await world.account(ann))
const share = async (leaves?: (scope: string) => boolean) => {
  const asked = 'OMHealthResource.HeartRate.Read OMHealthResource.BloodPressure.Read'
  const { location } = await anns.allow(await partner.deepLink('ann', asked), leaves)
  if (location?.pathname !== '/account/apps') throw new Error('nothing was shared')
}
const address = await server.listen({ port: 0, host: '127.0.0.1' })
const begin = async () => {
  const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`
  const url = `${address}/api/v1/sharing-partners/${clientId}${partner.userPath('ann')}`
  const begun = await readSlowly(url, { authorization })
  if (begun.status !== 200) throw new Error(`${begun.status}`)
  return begun
}

t.test('a partner that reads slowly gets everything while it is shared', async t => {
  await share()
  const { rest } = await begin()
  await sleep(1100)
  await t.resolves(rest())
})

t.test('a partner that reads slowly gets no further when the patient ends it', async t => {
  const { rest } = await begin()
  const [granted] = await server.authorization.grantedApps.list(anns.person)
  await anns.browser.send('/account/apps', { app: granted?.id ?? '' })
  await sleep(1100)
  await t.rejects(rest())
})

t.test('nor when the patient left something out of a new link that replaces the one before', async t => {
  await share()
  const { rest } = await begin()
  await share(scope => !scope.includes('heart-rate'))
  await sleep(1100)
  await t.rejects(rest())
})

t.test('nor when the account is about another patient', async t => {
  await share()
  const { rest } = await begin()
  await database.run(sql.fragment`UPDATE person_patient SET patient = 'bob' WHERE person = ${anns.person}`)
  await sleep(1100)
  await t.rejects(rest())
  await database.run(sql.fragment`UPDATE person_patient SET patient = ${ann} WHERE person = ${anns.person}`)
})

t.test('nor when the patient opened a link of the same once more, which has a key of its own', async t => {
  await share()
  const { rest } = await begin()
  await share()
  await sleep(1100)
  await t.rejects(rest())
})

t.test('nor when its secret was replaced', async t => {
  await share()
  const { rest } = await begin()
  const known = await findClient(database, clientId)
  if (known === undefined) throw new Error('there is no such client')
  await keepClient(database, { ...known, secretHash: digestOf('another') })
  await sleep(1100)
  await t.rejects(rest())
  await keepClient(database, known)
})

t.test('nor when it is no longer a partner', async t => {
  await share()
  const { rest } = await begin()
  const known = await findClient(database, clientId)
  if (known === undefined) throw new Error('there is no such client')
  await keepClient(database, { ...known, policies: [] })
  await sleep(1100)
  await t.rejects(rest())
})
