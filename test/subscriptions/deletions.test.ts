import { once } from 'node:events'
import type { Bundle, Consent, Parameters, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import WebSocket from 'ws'
import { revokeToken } from '../../src/storage/authorization/token.ts'
import { sql } from '../../src/storage/sql.ts'
import { consent } from '../support/study.ts'
import { duringNext, until } from './receiver.ts'
import { openSubscriptionWorld } from './world.ts'

const world = await openSubscriptionWorld()
const { receiver, hearts, organization, database, server } = world
t.teardown(world.close)
t.setTimeout(240_000)
const address = (await server.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')
const scope = 'user/Consent.rs user/ResearchSubject.rs user/Observation.rs user/Subscription.cruds'
const researcher = await world.staffToken(hearts.researcher, scope)

const settled = () =>
  until(async () => {
    const { waiting } = await database.one<{ waiting: boolean }>(sql.fragment`
      SELECT EXISTS (SELECT FROM change) OR EXISTS (
        SELECT FROM subscriber WHERE status = 'active' AND last_event > last_told) AS waiting`)
    return !waiting
  })
/** Each request as a line. */
const received = () => receiver.received.splice(0).map(({ method, path }) => `${method} ${path}`)
const turnOff = async (bearer: string, id: string) =>
  world.update(bearer, { ...(await world.read(bearer, id)), status: 'off' })
const remove = (bearer: string, url: string) =>
  server.inject({ method: 'DELETE', url: `/fhir/${url}`, headers: { authorization: `Bearer ${bearer}` } })

const whole: Subscription['channel'] = {
  type: 'rest-hook',
  endpoint: `${receiver.origin}/there`,
  payload: 'application/fhir+json',
}
const subscribe = async (bearer: string, more: Partial<Subscription>) => {
  const id = await world.subscribe(bearer, { criteria: 'Consent?status=active', channel: whole, ...more })
  await world.reaches(bearer, id, 'active')
  return id
}
let count = 0
/** A patient of the study, with what they have given to it. */
const given = async () => {
  const patient = await world.participant(
    world.manager,
    organization,
    hearts.id,
    ['omh:heart-rate'],
    `giver-${count++}`,
  )
  const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const { entry }: Bundle<Consent> = (await world.send(bearer, 'GET', 'Consent')).json()
  return { patient, bearer, id: entry?.[0]?.resource?.id ?? '' }
}

t.test('deleting an active Consent is a withdrawal, which all who were notified of it are told once', async t => {
  const subscription = await subscribe(researcher, {})
  const { bearer, id } = await given()
  await settled()
  t.same(received(), [`PUT /there/Consent/${id}`])
  t.equal((await remove(bearer, `Consent/${id}`)).statusCode, 204)
  t.equal((await remove(bearer, `Consent/${id}`)).statusCode, 204, 'the second time nothing happens')
  await until(() => receiver.received.length > 0)
  await settled()
  const [told] = receiver.received
  t.equal(told?.body, '')
  t.same(received(), [`DELETE /there/Consent/${id}`])
  const { recorded } = await database.one<{ recorded: number }>(sql.fragment`
    SELECT count(*)::integer AS recorded FROM audit_record
    WHERE operation = 'notification' AND type = 'Consent' AND patients <> '{}' AND person IS NOT NULL`)
  t.equal(recorded, 2, 'it is recorded, like every notification about a patient')
  await turnOff(researcher, subscription)
})

t.test('without a payload the notification only says that there is something new', async t => {
  const subscription = await subscribe(researcher, {
    channel: { type: 'rest-hook', endpoint: `${receiver.origin}/new` },
  })
  const { bearer, id } = await given()
  await settled()
  received()
  await remove(bearer, `Consent/${id}`)
  await until(() => receiver.received.length > 0)
  await settled()
  t.same(received(), ['POST /new'])
  await turnOff(researcher, subscription)
})

t.test('a conditional delete and a transaction notify as well, and one that is rolled back does not', async t => {
  const subscription = await subscribe(researcher, {})
  const [one, two] = [await given(), await given()]
  await settled()
  received()
  const entry = (url: string) => ({ request: { method: 'DELETE', url } })
  const bundle = (entries: object[]) => ({ resourceType: 'Bundle', type: 'transaction', entry: entries })
  const refused = await world.send(one.bearer, 'POST', '', {
    ...bundle([
      entry(`Consent/${one.id}`),
      { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
    ]),
  })
  t.ok(refused.statusCode >= 400, String(refused.statusCode))
  await settled()
  t.same(received(), [])
  const done = await world.send(one.bearer, 'POST', '', bundle([entry(`Consent/${one.id}`)]))
  t.equal(done.statusCode, 200, done.body)
  await until(() => receiver.received.length > 0)
  await settled()
  t.same(received(), [`DELETE /there/Consent/${one.id}`])
  t.equal((await remove(two.bearer, `Consent?_id=${two.id}`)).statusCode, 204)
  await until(() => receiver.received.length > 0)
  await settled()
  t.same(received(), [`DELETE /there/Consent/${two.id}`])
  await turnOff(researcher, subscription)
})

t.test('nobody is notified of what they could not see or did not ask for, and nothing is counted', async t => {
  const elsewhere = await world.institution('elsewhere')
  const other = await world.study(elsewhere.manager, elsewhere.organization, 'other', ['omh:heart-rate'])
  const stranger = await world.staffToken(other.researcher, scope)
  const patient = await world.patientToken(world.patient, 'patient/Consent.cruds patient/Subscription.cruds')
  const next = await given()
  const { bearer, id } = await given()
  await settled()
  const subscriptions = [
    [stranger, await subscribe(stranger, {})],
    [patient, await subscribe(patient, {})],
    [researcher, await subscribe(researcher, { criteria: 'Consent?status=proposed' })],
    [researcher, await subscribe(researcher, { criteria: 'ResearchSubject?status=on-study' })],
  ] as const
  await settled()
  received()
  const notNotified = async () => {
    await settled()
    for (const [, subscription] of subscriptions) {
      const { last_event } = await database.one<{ last_event: string }>(
        sql.fragment`SELECT last_event FROM subscriber WHERE id = ${subscription}`,
      )
      t.equal(last_event, '0')
    }
    t.same(await database.any(sql.fragment`SELECT FROM change`), [], 'nothing is waiting')
  }
  await remove(bearer, `Consent/${id}`)
  await notNotified()
  t.same(received(), [])
  const rightful = await subscribe(researcher, { channel: { ...whole, endpoint: `${receiver.origin}/rightful` } })
  received()
  await remove(next.bearer, `Consent/${next.id}`)
  await notNotified()
  t.same(received(), [`DELETE /rightful/Consent/${next.id}`], 'nor together with somebody who could')
  await turnOff(researcher, rightful)
  for (const [by, subscription] of subscriptions) await turnOff(by, subscription)
})

t.test('the patient’s own app is notified, and the practitioner who alone was given it', async t => {
  const { id: patient } = await world.create(world.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds patient/Subscription.cruds')
  const clinic = await world.institution('clinic')
  const { researcher: clinician } = await world.study(clinic.manager, clinic.organization, 'none', ['omh:heart-rate'])
  const { extension: _, sourceAttachment, ...rest } = consent(patient, 'none', organization, ['omh:heart-rate'])
  const { id } = await world.create<Consent>(bearer, {
    ...rest,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    provision: {
      type: 'deny',
      actor: [
        {
          role: { coding: [{ code: 'IRCP' }] },
          reference: { reference: `Practitioner/${clinician.practitioner}` },
        },
      ],
      provision: rest.provision?.provision?.map(({ actor, ...permit }) => permit) ?? [],
    },
  })
  await settled()
  const told = await world.staffToken(clinician, scope)
  const subscriptions = [
    [bearer, await subscribe(bearer, {})],
    [told, await subscribe(told, {})],
  ] as const
  received()
  t.equal((await remove(bearer, `Consent/${id}`)).statusCode, 204)
  await until(() => receiver.received.length > 1)
  await settled()
  t.same(received(), [`DELETE /there/Consent/${id}`, `DELETE /there/Consent/${id}`])
  for (const [by, subscription] of subscriptions) await turnOff(by, subscription)
})

t.test('a deletion is sent until the endpoint has accepted it, even if it never had the resource', async t => {
  const subscription = await subscribe(researcher, {})
  const { bearer, id } = await given()
  await settled()
  received()
  receiver.answer.status = 503
  await remove(bearer, `Consent/${id}`)
  await until(() => receiver.received.length > 0)
  receiver.answer.status = 404
  await until(() => receiver.received.length > 1)
  await settled()
  t.same([...new Set(received())], [`DELETE /there/Consent/${id}`])
  t.equal((await world.read(researcher, subscription)).status, 'active')
  receiver.answer.status = 200
  await turnOff(researcher, subscription)
})

t.test('once the token is revoked nothing is sent, not even of what was deleted before', async t => {
  const brief = await world.staffToken(hearts.researcher, scope)
  const subscription = await subscribe(brief, {})
  const [one, two] = [await given(), await given()]
  await settled()
  received()
  duringNext(receiver.answer, async () => {
    await remove(two.bearer, `Consent/${two.id}`)
    await revokeToken(database, brief)
  })
  await remove(one.bearer, `Consent/${one.id}`)
  await world.reaches(researcher, subscription, 'off')
  await settled()
  t.same(received(), [`DELETE /there/Consent/${one.id}`])
})

t.test('a websocket is pinged, or gets a Bundle without the resource', async t => {
  const id = await subscribe(researcher, { channel: { type: 'websocket', payload: 'application/fhir+json' } })
  const issued: Parameters = (await world.send(researcher, 'GET', `Subscription/${id}/$get-ws-binding-token`)).json()
  const token = issued.parameter?.find(({ name }) => name === 'token')?.valueString
  const connect = async (text: string, bearer?: string) => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
    const socket = new WebSocket(`${address}/ws`, { headers })
    const heard: string[] = []
    socket.on('message', data => heard.push(String(data)))
    await once(socket, 'open')
    socket.send(text)
    await until(() => heard.length > 0)
    return { heard, end: () => socket.close() }
  }
  const own = await given()
  await settled()
  const [pinged, told] = [await connect(`bind ${id}`, researcher), await connect(`bind-with-token ${token}`)]
  await remove(own.bearer, `Consent/${own.id}`)
  await until(() => pinged.heard.length > 1 && told.heard.length > 1)
  t.same(pinged.heard, [`bound ${id}`, `ping ${id}`])
  const { entry }: Bundle = JSON.parse(told.heard[1] ?? '')
  t.match(entry?.[1], {
    fullUrl: new RegExp(`/fhir/Consent/${own.id}$`),
    request: { method: 'DELETE', url: `Consent/${own.id}` },
    response: { status: '204' },
  })
  t.equal(entry?.[1]?.resource, undefined)
  t.equal(entry?.length, 2)
  pinged.end()
  told.end()

  const again: Bundle = (await world.send(researcher, 'GET', `Subscription/${id}/$events?content=id-only`)).json()
  const status = again.entry?.[0]?.resource as Parameters | undefined
  const last = status?.parameter?.findLast(({ name }) => name === 'notification-event')
  t.match(
    last?.part?.find(({ name }) => name === 'focus'),
    { valueReference: { reference: new RegExp(`/Consent/${own.id}$`) } },
    'and $events tells it again',
  )
  await turnOff(researcher, id)
})

t.test(
  'removing a patient from a study notifies in the same way, and nobody is notified that readings are gone',
  async t => {
    const subscriptions = [
      await subscribe(researcher, { criteria: 'ResearchSubject?status=on-study' }),
      await subscribe(researcher, { criteria: 'Observation?code=http://loinc.org|8867-4' }),
    ]
    const { patient } = await given()
    const { id: reading } = await world.measure(60)
    await settled()
    const { entry }: Bundle = (await world.send(researcher, 'GET', `ResearchSubject?patient=${patient}`)).json()
    const subject = `ResearchSubject/${entry?.[0]?.resource?.id}`
    received()
    t.equal((await remove(world.ann, `Observation/${reading}`)).statusCode, 204)
    t.equal((await remove(world.manager, subject)).statusCode, 204)
    await until(() => receiver.received.length > 0)
    await settled()
    t.same(received(), [`DELETE /there/${subject}`])
    for (const id of subscriptions) await turnOff(researcher, id)
  },
)

t.test('subscribers that search by a value set are notified of a withdrawal, which delays nobody', async t => {
  const criteria = 'Consent?scope:in=http://hl7.org/fhir/ValueSet/consent-scope'
  const id = await subscribe(researcher, { criteria })
  const giver = await given()
  await settled()
  t.same(received(), [`PUT /there/Consent/${giver.id}`])
  t.equal((await remove(giver.bearer, `Consent/${giver.id}`)).statusCode, 204)
  await until(() => receiver.received.length > 0)
  await settled()
  t.same(received(), [`DELETE /there/Consent/${giver.id}`])
  await turnOff(researcher, id)
})
