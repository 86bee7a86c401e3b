import type { Bundle, Observation, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { disable, enable, endBeyond } from '../../src/auth/client/approved-clients.ts'
import { kindValueSetUrl } from '../../src/fhir/measured/kind-value-set.ts'
import { endSession, findSession, startSession } from '../../src/storage/account/session.ts'
import { createGrant } from '../../src/storage/authorization/authorization-grant.ts'
import { removeExpired } from '../../src/storage/authorization/authorization-record.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { keepClient } from '../../src/storage/authorization/client-registration.ts'
import { revokeToken } from '../../src/storage/authorization/token.ts'
import { sql } from '../../src/storage/sql.ts'
import { duringNext, until } from './receiver.ts'
import { heartRate, openSubscriptionWorld, scope, toHook } from './world.ts'

const world = await openSubscriptionWorld()
const { receiver, researcher, measure, subscribe, reaches, read, send, isIdle, database } = world
t.teardown(world.close)
t.setTimeout(240_000)

/** Nothing is waiting to be looked at, or to be sent. */
const settled = () =>
  until(async () => {
    const { waiting } = await database.one<{ waiting: boolean }>(sql.fragment`
      SELECT EXISTS (SELECT FROM change) OR EXISTS (
        SELECT FROM subscriber WHERE status = 'active' AND last_event > last_told) AS waiting`)
    return !waiting
  })
const received = () => receiver.received.splice(0)
const turnOff = async (bearer: string, id: string) =>
  world.update(bearer, { ...(await read(bearer, id)), status: 'off' })

t.test('a rest-hook without a payload is notified that there is something new, and no more', async t => {
  const id = await subscribe(researcher)
  t.has(await reaches(researcher, id, 'active'), { status: 'active', meta: { versionId: '2' } })
  await measure(60)
  await until(() => receiver.received.length > 0)
  await settled()
  t.match(received(), [
    {
      method: 'POST',
      path: '/hook',
      headers: { authorization: 'Bearer of-the-hook', 'content-length': '0' },
      body: '',
    },
  ])
  await turnOff(researcher, id)
  await measure(61)
  await settled()
  t.same(received(), [], 'nothing once it is off')
})

t.test('with a payload each resource is sent as an update', async t => {
  const id = await subscribe(researcher, {
    channel: { type: 'rest-hook', endpoint: `${receiver.origin}/fhir/`, payload: 'application/fhir+json' },
  })
  await reaches(researcher, id, 'active')
  const made = await measure(62)
  await until(() => receiver.received.length > 0)
  const changed = await world.update(world.ann, { ...made, status: 'amended' } as Observation)
  await until(() => receiver.received.length > 1)
  await settled()
  const { recorded } = await database.one<{ recorded: number }>(sql.fragment`
    SELECT count(*)::integer AS recorded FROM audit_record WHERE operation = 'notification' AND type = 'Observation'
      AND patients <> '{}' AND person IS NOT NULL`)
  t.ok(recorded >= 2, 'who was notified of whose data is recorded')
  const told = received()
  t.match(told, [
    { method: 'PUT', path: `/fhir/Observation/${made.id}`, headers: { 'content-type': 'application/fhir+json' } },
    { method: 'PUT', path: `/fhir/Observation/${made.id}` },
  ])
  t.same(
    told.map(({ body }) => JSON.parse(body)),
    [made, changed],
  )
  await turnOff(researcher, id)
})

t.test('a type without parameters is about all of it that may be seen', async t => {
  const ids = await Promise.all(['Observation', 'Observation?'].map(criteria => subscribe(researcher, { criteria })))
  for (const id of ids) await reaches(researcher, id, 'active')
  await measure(59)
  await until(() => receiver.received.length > 1)
  await settled()
  t.equal(received().length, 2)
  for (const id of ids) await turnOff(researcher, id)
})

t.test('what does not match, or may not be seen, is not sent', async t => {
  const id = await subscribe(researcher, { criteria: 'Observation?code=http://loinc.org|8867-4&value-quantity=gt100' })
  const other = await world.institution('there')
  const study = await world.study(other.manager, other.organization, 'elsewhere', ['omh:heart-rate'])
  const stranger = await world.staffToken(study.researcher, scope)
  const hidden = await subscribe(stranger)
  await reaches(researcher, id, 'active')
  await reaches(stranger, hidden, 'active')
  await measure(63)
  await settled()
  t.same(received(), [])
  t.same(
    await database.any(sql.fragment`SELECT last_event FROM subscriber WHERE id IN (${id}, ${hidden})`),
    [{ last_event: '0' }, { last_event: '0' }],
    'and not counted',
  )
  await measure(120)
  await until(() => receiver.received.length > 0)
  await settled()
  t.equal(received().length, 1)
  await turnOff(researcher, id)
  await turnOff(stranger, hidden)
})

t.test('the codes of a value set are looked up for each event, and an unknown one delays nobody', async t => {
  const kind = 'https://sharewell.example/ValueSet/hearts'
  const valueSet = await subscribe(researcher, { criteria: `Observation?code:in=${kindValueSetUrl('omh:heart-rate')}` })
  const others = await subscribe(researcher, { criteria: `Observation?code:in=${kindValueSetUrl('omh:body-weight')}` })
  for (const id of [valueSet, others]) await reaches(researcher, id, 'active')
  await measure(64)
  await until(() => receiver.received.length > 0)
  await settled()
  t.equal(received().length, 1)
  await turnOff(researcher, others)
  await database.run(sql.fragment`
    UPDATE subscription SET content = jsonb_set(content, '{criteria}', to_jsonb(${`Observation?code:in=${kind}`}::text))
    WHERE id = ${valueSet}`)
  const plain = await subscribe(researcher)
  await reaches(researcher, plain, 'active')
  await measure(65)
  await until(() => receiver.received.length > 0)
  t.match(await reaches(researcher, valueSet, 'error'), { error: `The value set ${kind} is not known here` })
  t.equal(received().length, 1)
  const { meta } = await read(researcher, valueSet)
  await measure(66)
  await settled()
  t.equal(received().length, 1)
  t.same((await read(researcher, valueSet)).meta, meta, 'which is said once')
  for (const id of [valueSet, plain]) await turnOff(researcher, id)
})

t.test('a Subscription belongs to its creator, whoever changes its status', async t => {
  const id = await subscribe(researcher)
  await reaches(researcher, id, 'active')
  t.equal((await send(world.manager, 'GET', `Subscription/${id}`)).statusCode, 404)
  t.equal((await send(world.ann, 'GET', `Subscription/${id}`)).statusCode, 404)
  t.same((await send(world.manager, 'GET', 'Subscription')).json().entry ?? [], [])
  t.equal((await send(world.manager, 'PUT', `Subscription/${id}`, { ...toHook(receiver.origin), id })).statusCode, 404)
  await turnOff(researcher, id)
})

t.test(
  'only the app that wrote it can read the secret of its endpoint, and no other app of the same person',
  async t => {
    const id = await subscribe(researcher)
    await reaches(researcher, id, 'active')
    await registerClient(database, { id: 'another-app', name: 'another app', policies: [] })
    const subject = { kind: 'user', person: world.hearts.researcher.person } as const
    const other = await world.token({ subject, scope, client: 'another-app' })
    const statuses = async (bearer: string) => {
      const answers = []
      for (const path of [`Subscription/${id}`, `Subscription/${id}/_history`, `Subscription/${id}/_history/1`])
        answers.push((await send(bearer, 'GET', path)).statusCode)
      return answers
    }
    const found = async (bearer: string) =>
      (await send(bearer, 'GET', `Subscription?_id=${id}&_total=accurate`)).json().total
    const remove = async (bearer: string) => {
      const headers = { authorization: `Bearer ${bearer}` }
      return (await world.server.inject({ method: 'DELETE', url: `/fhir/Subscription/${id}`, headers })).statusCode
    }
    t.same([await statuses(other), await found(other)], [[404, 404, 404], 0])
    t.same([await statuses(researcher), await found(researcher)], [[200, 200, 200], 1])
    const written = { ...(await read(researcher, id)), status: 'requested' }
    t.equal((await send(other, 'PUT', `Subscription/${id}`, written)).statusCode, 404)
    t.same([await remove(other), await remove(researcher)], [404, 204])
    t.same(await statuses(other), [404, 404, 404])
    t.same(await statuses(researcher), [410, 200, 200])
  },
)

t.test('a delivery that keeps failing is noted in the Subscription, and sent when it is requested again', async t => {
  const id = await subscribe(researcher)
  await reaches(researcher, id, 'active')
  receiver.answer.status = 503
  await measure(64)
  t.match(await reaches(researcher, id, 'error'), { error: 'The endpoint answered 503' })
  t.equal(received().length, 2, 'it was tried again')
  await measure(65)
  receiver.answer.status = 200
  await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
  const { error, ...active } = await reaches(researcher, id, 'active')
  t.equal(error, undefined)
  t.equal(active.status, 'active')
  await settled()
  t.ok(received().length > 0)
  await turnOff(researcher, id)
})

t.test('a Subscription in error is tried once an hour, and goes on once its endpoint is back', async t => {
  const hourPasses = () =>
    database.run(sql.fragment`
      UPDATE subscriber SET failed_at = failed_at - interval '1 hour', told_at = told_at - interval '1 hour' WHERE id = ${id}`)
  const id = await subscribe(researcher)
  await reaches(researcher, id, 'active')
  receiver.answer.status = 503
  await measure(64)
  await reaches(researcher, id, 'error')
  await isIdle(id)
  received()
  await hourPasses()
  const tried = await until(() => received()[0])
  t.equal(tried.method, 'POST')
  await isIdle(id)
  t.same(received(), [], 'it was not tried again at once')
  receiver.answer.status = 200
  await hourPasses()
  await reaches(researcher, id, 'active')
  t.equal(received().length, 1)
  await turnOff(researcher, id)
})

t.test('what is withdrawn before it is sent is not sent', async t => {
  const id = await subscribe(researcher, {
    channel: { type: 'rest-hook', endpoint: receiver.origin, payload: 'application/fhir+json' },
  })
  await reaches(researcher, id, 'active')
  receiver.answer.status = 503
  const { patient, bearer } = await world.participate('bob')
  await world.create<Observation>(bearer, heartRate(patient, 66))
  await reaches(researcher, id, 'error')
  received()
  const [consent] = (await send(bearer, 'GET', 'Consent')).json().entry
  await world.update(bearer, { ...consent.resource, status: 'inactive' })
  receiver.answer.status = 200
  await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
  await reaches(researcher, id, 'active')
  await settled()
  t.same(received(), [])
  await turnOff(researcher, id)
})

const toFhir: Partial<Subscription> = {
  channel: { type: 'rest-hook', endpoint: `${receiver.origin}/fhir`, payload: 'application/fhir+json' },
}
/** At once, so that all of them exist when the first one is sent. */
const measureMany = (bearer: string, patient: string, values: readonly number[]) =>
  send(bearer, 'POST', '', {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: values.map(value => ({
      resource: heartRate(patient, value),
      request: { method: 'POST', url: 'Observation' },
    })),
  } satisfies Bundle)

t.test('if data is withdrawn while the first of it is sent, the rest is not', async t => {
  const id = await subscribe(researcher, toFhir)
  await reaches(researcher, id, 'active')
  const { patient, bearer } = await world.participate('carl')
  const [consent] = (await send(bearer, 'GET', 'Consent')).json().entry
  duringNext(receiver.answer, () => world.update(bearer, { ...consent.resource, status: 'inactive' }))
  await measureMany(bearer, patient, [90, 91, 92])
  await until(() => receiver.received.length > 0)
  await settled()
  await isIdle(id)
  t.equal(received().length, 1)
  await turnOff(researcher, id)
})

t.test('if a Subscription is turned off while the first is sent, the rest is not', async t => {
  const id = await subscribe(researcher, toFhir)
  await reaches(researcher, id, 'active')
  duringNext(receiver.answer, () => turnOff(researcher, id))
  await measureMany(world.ann, world.patient, [90, 91, 92])
  await until(() => receiver.received.length > 0)
  await isIdle(id)
  t.match([received().length, await read(researcher, id)], [1, { status: 'off' }])
})

t.test('if the token is revoked while the first is sent, the rest is not', async t => {
  const bearer = await world.staffToken(world.hearts.researcher, scope)
  const id = await subscribe(bearer, toFhir)
  await reaches(researcher, id, 'active')
  duringNext(receiver.answer, () => revokeToken(database, bearer))
  await measureMany(world.ann, world.patient, [90, 91, 92])
  await reaches(researcher, id, 'off')
  await isIdle(id)
  t.equal(received().length, 1)
})

t.test('if its endpoint is no longer allowed it says so, and what waits is sent to another one', async t => {
  const id = await subscribe(researcher, toFhir)
  await reaches(researcher, id, 'active')
  await database.run(sql.fragment`
    UPDATE subscription SET content = jsonb_set(content, '{channel,endpoint}', '"https://gone.example.org"') WHERE id = ${id}`)
  const made = await measure(93)
  t.match(await reaches(researcher, id, 'error'), {
    error: 'Nothing can be sent there: https://gone.example.org is not among the servers that may be requested',
  })
  t.same(received(), [])
  await world.update(researcher, { ...(await read(researcher, id)), ...toFhir, status: 'requested' } as Subscription)
  await reaches(researcher, id, 'active')
  t.match(received(), [{ method: 'PUT', path: `/fhir/Observation/${made.id}` }])
  await turnOff(researcher, id)
})

t.test('a Subscription that is corrected is processed at once, however long the broken one had to wait', async t => {
  receiver.answer.status = 503
  const id = await subscribe(researcher, toFhir)
  await reaches(researcher, id, 'active')
  await measure(94)
  const waits = () =>
    database.run(sql.fragment`
      UPDATE queue.job SET start_after = now() + interval '1 hour'
      WHERE singleton_key LIKE ${id} || '%' AND state = 'retry'`)
  await until(async () => (await waits()) > 0)
  receiver.answer.status = 200
  received()
  await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
  await until(() => receiver.received.length > 0)
  await reaches(researcher, id, 'active')
  t.match(received(), [{ method: 'PUT' }])
  await turnOff(researcher, id)
})

t.test('resources are sent below the path of an endpoint, with its query', async t => {
  const id = await subscribe(researcher, {
    channel: { type: 'rest-hook', endpoint: `${receiver.origin}/hook?code=abc`, payload: 'application/fhir+json' },
  })
  await reaches(researcher, id, 'active')
  const made = await measure(95)
  await until(() => receiver.received.length > 0)
  t.match(received(), [{ method: 'PUT', path: `/hook/Observation/${made.id}?code=abc` }])
  await turnOff(researcher, id)
})

t.test('a token that expires keeps its Subscription, one that is revoked ends it', async t => {
  const bearer = await world.staffToken(world.hearts.researcher, scope)
  const id = await subscribe(bearer)
  await reaches(researcher, id, 'active')
  await database.run(
    sql.fragment`UPDATE token SET expires_at = now() WHERE hash = (SELECT hash FROM subscriber WHERE id = ${id})`,
  )
  await measure(67)
  await until(() => receiver.received.length > 0)
  received()
  await revokeToken(database, bearer)
  t.match(await reaches(researcher, id, 'off'), { status: 'off' })
})

t.test('whoever may search nothing of its type any more is sent nothing that waits, and it ends', async t => {
  const kinds = ['omh:heart-rate']
  const { id: study, researcher: leaving } = await world.study(world.manager, world.organization, 'brief', kinds)
  const bearer = await world.staffToken(leaving, scope)
  const id = await subscribe(bearer)
  await reaches(bearer, id, 'active')
  const patient = await world.participant(world.manager, world.organization, study, kinds, 'dan')
  receiver.answer.status = 503
  await world.create(await world.patientToken(patient, 'patient/*.cruds'), heartRate(patient, 70))
  await reaches(bearer, id, 'error')
  await isIdle(id)
  received()
  const { link: _, ...person } = (await send('everything', 'GET', `Person/${leaving.person}`)).json()
  await world.update('everything', person)
  receiver.answer.status = 200
  await database.run(sql.fragment`UPDATE subscriber SET failed_at = failed_at - interval '1 hour' WHERE id = ${id}`)
  await until(async () => (await read('everything', id)).status === 'off')
  t.same(received(), [])
})

/** A backend service of the institution, and what its Subscription became. */
const service = async (name: string) => {
  const scope = 'system/Observation.rs system/Subscription.cruds'
  const grant_types = ['client_credentials']
  const metadata = { redirect_uris: [], response_types: [], grant_types, token_endpoint_auth_method: 'private_key_jwt' }
  const client = {
    id: name,
    name,
    organization: world.organization,
    policies: [],
    scope,
    metadata,
    selfRegistered: false,
  }
  await keepClient(database, client)
  const bearer = await world.token({ subject: { kind: 'client' }, client: name, scope })
  const id = await subscribe(bearer)
  await reaches(bearer, id, 'active')
  const status = async () =>
    (await database.one<{ status: string }>(sql.fragment`SELECT status FROM subscriber WHERE id = ${id}`)).status
  return { id, client, status, isOff: () => until(async () => (await status()) === 'off') }
}
const monthLater = async (client: string) => {
  await database.run(sql.fragment`UPDATE token SET expires_at = now() - interval '31 days' WHERE client_id = ${client}`)
  await removeExpired(database, { now: Date.now() + 3_600_000 })
}

t.test('what ends the tokens of a service ends its Subscriptions, however long ago they were written', async t => {
  const job = await service('night-job')
  await monthLater('night-job')
  await measure(68)
  await until(() => receiver.received.length > 0)
  await settled()
  t.equal(received().length, 1, 'that they expired ends nothing')

  await endBeyond(database, job.client, 'system/Patient.rs system/Subscription.cruds')
  await job.isOff()
  await measure(69)
  await isIdle(job.id)
  t.same([received(), await job.status()], [[], 'off'])
})

t.test('the Subscription of a disabled service ends, and does not come back with it', async t => {
  const job = await service('day-job')
  // As an earlier version did with a token that had expired a month before.
  await database.run(sql.fragment`DELETE FROM token WHERE client_id = 'day-job'`)
  await disable(database, 'day-job', 'operator')
  await job.isOff()
  await enable(database, 'day-job', 'operator')
  await measure(70)
  await isIdle(job.id)
  t.same([received(), await job.status()], [[], 'off'])
})

t.test('a token that is bound to a sign-in ends its Subscription with it', async t => {
  const { person } = world.hearts.researcher
  const session = await findSession(
    database,
    await startSession(database, { person, methods: ['pwd'], device: 'Test' }),
  )
  const given = { person, client: 'cli', scope, context: {}, ttlSeconds: 3600 }
  const grantId = await createGrant(database, { ...given, ...(session && { session: session.id }) })
  const bearer = await world.token({ subject: { kind: 'user', person }, scope, grantId: grantId ?? '' })
  const id = await subscribe(bearer)
  await reaches(researcher, id, 'active')
  await endSession(database, person, session?.id ?? '')
  t.match(await reaches(researcher, id, 'off'), { status: 'off' })
})

t.test('what cannot be served is refused at once, element by element', async t => {
  const refusals: readonly (readonly [Partial<Subscription>, string])[] = [
    [{ criteria: 'Observations' }, 'Subscription.criteria'],
    [{ criteria: '/Observation?status=final' }, 'Subscription.criteria'],
    [{ criteria: 'Observation?code=' }, 'Subscription.criteria'],
    [{ criteria: 'Observation?nonsense=1' }, 'Subscription.criteria'],
    [{ criteria: 'Observation?_count=1' }, 'Subscription.criteria'],
    [{ criteria: 'Patient?name=ann' }, 'Subscription.criteria'],
    [{ criteria: 'Observation?subject:Patient.name=ann' }, 'Subscription.criteria'],
    [{ criteria: 'Observation?code:in=http://nowhere.example/ValueSet/x' }, 'Subscription.criteria'],
    [{ channel: { type: 'email', endpoint: 'mailto:x@example.org' } }, 'Subscription.channel.type'],
    [{ channel: { type: 'rest-hook' } }, 'Subscription.channel.endpoint'],
    [{ channel: { type: 'rest-hook', endpoint: 'https://elsewhere.example.org' } }, 'Subscription.channel.endpoint'],
    [{ channel: { type: 'rest-hook', endpoint: receiver.origin, header: ['Host: x'] } }, 'Subscription.channel.header'],
    [
      { channel: { type: 'rest-hook', endpoint: receiver.origin, header: ['X-Key: one', 'x-key: two'] } },
      'Subscription.channel.header',
    ],
    [
      { channel: { type: 'rest-hook', endpoint: receiver.origin, payload: 'text/plain' } },
      'Subscription.channel.payload',
    ],
    [{ status: 'error' }, 'Subscription.status'],
  ]
  for (const [more, element] of refusals) {
    const answer = await send(researcher, 'POST', 'Subscription', { ...toHook(receiver.origin), ...more })
    t.match([answer.statusCode, answer.json().issue], [422, [{ expression: [element] }]], JSON.stringify(more))
  }
})

t.test('a Subscription that has ended, or is imported, starts off', async t => {
  const ended = await world.create<Subscription>(researcher, {
    ...toHook(receiver.origin),
    end: '2020-01-01T00:00:00Z',
  })
  const imported = await world.server.inject({
    method: 'PUT',
    url: '/fhir/Subscription/imported',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: { ...toHook(receiver.origin), id: 'imported', status: 'active' },
  })
  t.match([ended, imported.json()], [{ status: 'off' }, { status: 'off' }])
})

t.test(
  'a Subscription may be imported before the value set of its criteria, and by its subscriber it may not',
  async t => {
    const criteria = 'Observation?code:in=http://later.example/ValueSet/weights'
    const answer = async (bearer: string) =>
      (await send(bearer, 'POST', 'Subscription', { ...toHook(receiver.origin), criteria, status: 'active' }))
        .statusCode
    t.same([await answer('everything'), await answer(researcher)], [201, 422])
  },
)

t.test(
  'a Subscription that cannot be served is refused alike from an import and from a researcher, unless it is off',
  async t => {
    const impossible = {
      ...toHook(receiver.origin),
      criteria: 'Banana?x=1',
      channel: { type: 'email' },
    }
    const answers = (bearer: string, status: string) =>
      send(bearer, 'POST', 'Subscription', { ...impossible, status }).then(({ statusCode, json }) => [
        statusCode,
        json().issue?.map(({ expression }: { expression: readonly string[] }) => expression[0]),
      ])
    for (const bearer of [researcher, 'everything']) {
      t.same(await answers(bearer, 'active'), [422, ['Subscription.criteria', 'Subscription.channel.type']], bearer)
      t.same(await answers(bearer, 'off'), [201, undefined], bearer)
    }
    t.same(await answers(researcher, 'error'), [422, ['Subscription.status']])
    t.same(await answers('everything', 'error'), [201, undefined], 'what was in error elsewhere is off here')
  },
)

t.test(
  'a Subscription that is active goes off at its end, and is sent nothing of what is measured after it',
  async t => {
    const end = new Date(Date.now() + 3_600_000).toISOString()
    const id = await subscribe(researcher, { end })
    await reaches(researcher, id, 'active')
    received()
    await database.run(sql.fragment`UPDATE subscriber SET ends_at = now() WHERE id = ${id}`)
    await reaches(researcher, id, 'off')
    await measure(68)
    await settled()
    await isIdle(id)
    t.same([received(), (await read(researcher, id)).status], [[], 'off'])
  },
)

t.test('a Subscription can end in a leap second, and has ended after it', async t => {
  const ending = { ...toHook(receiver.origin), end: '2016-12-31T23:59:60.5Z' }
  t.match(await world.create<Subscription>(researcher, ending), { status: 'off' })
})

t.test('two servers send each event once and number none twice; what one leaves the other sends', async t => {
  const second = await world.open()
  const id = await subscribe(researcher, {
    channel: { type: 'rest-hook', endpoint: receiver.origin, payload: 'application/fhir+json' },
  })
  await reaches(researcher, id, 'active')
  const made = new Set<string>()
  for (let value = 70; value < 80; value++) made.add((await measure(value)).id)
  const told = () => new Set(receiver.received.map(({ path }) => path.replace('/Observation/', '')))
  await until(() => told().size === made.size)
  await settled()
  t.same(told(), made)
  const { last_event, numbers } = await database.one<{ last_event: string; numbers: string }>(sql.fragment`
    SELECT last_event, (SELECT count(*) FROM subscription_event WHERE subscription = ${id}) AS numbers
    FROM subscriber WHERE id = ${id}`)
  t.same([last_event, numbers], ['10', '10'])

  received()
  receiver.answer.status = 503
  const late = await measure(80)
  await until(() => receiver.received.length > 0)
  await second.close()
  receiver.answer.status = 200
  const third = await world.open()
  await until(() => told().has(late.id))
  t.pass('told in the end')
  await third.close()
})
