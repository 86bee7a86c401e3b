import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { todays } from '../support/turn.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { secretsOf } from './secrets.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(120_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const unknownId = 'nothing-of-the-kind'

/** No value is in a unit that is asked for, so all of them are left out, and the answer says how many. */
const leftOutOf = (body: string): number | undefined => {
  const { parameter }: { readonly parameter: readonly { name: string; valueInteger?: number }[] } = JSON.parse(body)
  return parameter.find(({ name }) => name === 'left-out')?.valueInteger
}

const measured = (kind: string, patient: string) =>
  facts.observations.filter(one => one.patient === patient && one.kinds.includes(kind) && one.days !== undefined)

const asks = [
  [facts.heartRate, 'ann'],
  [facts.weight, 'ann'],
  [facts.heartRate, 'bob'],
  [facts.heartRate, 'hal'],
  [facts.heartRate, 'jon'],
  [facts.heartRate, unknownId],
] as const

const pathsOf = (kind: string, patient: string) =>
  [`$series?subject=${patient}&code=${kind}&unit=/min`, `$glucose-profile?subject=${patient}&code=${kind}`].map(
    path => `Observation/${path}&start=2020-01-01&end=2026-12-31&timezone=Europe/Berlin`,
  )

/** Ids of the Observations that the caller may search. */
const visibleTo = (caller: (typeof callers)[number]): ReadonlySet<string> => {
  if (caller.lets !== undefined && !caller.lets.actions.includes('s')) return new Set()
  return new Set(secretsOf(world).flatMap(one => (one.type === 'Observation' && one.isReadBy(caller) ? [one.id] : [])))
}

const countBy = (ids: ReadonlySet<string>): Readonly<Record<string, number>> => {
  const dated = facts.observations.filter(one => ids.has(one.id) && one.days?.[0].startsWith('2026'))
  return Object.fromEntries([...Map.groupBy(dated, ({ patient }) => patient)].map(([id, all]) => [id, all.length]))
}

t.test('$series and $glucose-profile count what the caller may search, and say nothing of the rest', async t => {
  for (const [place, caller] of callers.entries()) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const visible = visibleTo(caller)
    for (const [kind, patient] of todays(asks, 3, place)) {
      const expected = measured(kind, patient).filter(({ id }) => visible.has(id)).length
      for (const path of pathsOf(kind, patient)) {
        const { status, body } = await call('GET', path)
        const counted = [401, 403].includes(status) ? 0 : leftOutOf(body)
        t.equal(counted, expected, `${caller.name}: ${path}`)
      }
    }
  }
})

/** For each patient who was asked for, the number of readings. */
const countedIn = (body: string): Readonly<Record<string, number>> => {
  type Counted = { subject: { reference: string }; component: [{ valueSampledData: { data: string } }] }
  const { parameter = [] }: { readonly parameter?: readonly { readonly resource: Counted }[] } = JSON.parse(body)
  return Object.fromEntries(
    parameter.map(({ resource }) => [
      resource.subject.reference.replace('Patient/', ''),
      resource.component[0].valueSampledData.data
        .split(' ')
        .reduce((sum, text) => sum + (text === 'E' ? 0 : Number(text)), 0),
    ]),
  )
}

t.test('$completeness counts what the caller may search, by one study no more than that, and nobody else', async t => {
  const patients = ['ann', 'bob', 'hal', 'jon', unknownId]
  for (const caller of callers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const visible = visibleTo(caller)
    const expected = countBy(visible)
    for (const study of ['', '&study=open', '&study=coded']) {
      const path = `Observation/$completeness?subject=${patients.join()}&start=2026-01-01&end=2026-12-31${study}`
      const { status, body } = await call('GET', path)
      const counted = [401, 403].includes(status) ? {} : countedIn(body)
      const isRight = (patient: string) =>
        study === '' ? counted[patient] === expected[patient] : (counted[patient] ?? 0) <= (expected[patient] ?? 0)
      t.same(
        patients.filter(patient => !isRight(patient)),
        [],
        `${caller.name}: ${path}`,
      )
    }
  }
})

t.test('$points answers those who may read the Observation; for others it is unknown', async t => {
  const all = secretsOf(world).filter(({ type }) => type === 'Observation')
  for (const [place, caller] of callers.entries()) {
    const observations = todays(all, 5, place)
    const call = world.call(caller.token && (await world.token(caller.token)))
    const mayRead = caller.lets === undefined || caller.lets.actions.includes('r')
    const answered: string[] = []
    for (const { id } of observations) {
      const { status, body } = await call('GET', `Observation/${id}/$points`)
      if (status === 200 && body.includes(`Observation/${id}"`)) answered.push(id)
      else if (![401, 403, 404].includes(status)) t.fail(`${status}: ${body}`)
    }
    const expected = observations.filter(one => mayRead && one.isReadBy(caller)).map(({ id }) => id)
    t.strictSame(answered, expected, caller.name)
  }
})

t.test('$completeness counts the samples of what the caller may search, and no others', async t => {
  const dense = async (id: string, kind: string) => {
    const sampled = {
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: kind }] },
      subject: { reference: 'Patient/ann' },
      effectivePeriod: { start: '2026-02-11T08:00:00Z', end: '2026-02-11T08:00:09Z' },
      valueSampledData: { origin: { value: 0 }, period: 1000, dimensions: 1, data: '6 6 6 6 6 6 6 6 6 6' },
    }
    t.equal((await world.everything('PUT', `Observation/${id}`, sampled)).status, 201)
  }
  await dense('ann-dense-heart', facts.heartRate)
  await dense('ann-dense-temperature', 'omh:body-temperature')
  const told: Record<string, number> = {}
  for (const caller of callers.filter(({ name }) => densely.includes(name))) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const { body } = await call('GET', 'Observation/$completeness?subject=ann&start=2026-02-11&end=2026-02-11')
    const { entry = [] } = JSON.parse((await call('GET', 'Observation?date=2026-02-11&_elements=subject')).body)
    told[caller.name] = countedIn(body).ann ?? 0
    const ids: readonly string[] = entry.map(({ resource }: { resource: { id: string } }) => resource.id)
    const seen = ids.filter(id => id.startsWith('ann-dense')).length
    const others = ids.filter(id => !id.startsWith('ann-dense') && id.startsWith('ann')).length
    t.equal(told[caller.name], seen * 10 + others, caller.name)
  }
  t.same(told, { researcher: 10, visitor: 0, ann: 20, bob: 0, 'client-of-lab': 10, 'client-of-elsewhere': 0 })
})

const densely = ['researcher', 'visitor', 'ann', 'bob', 'client-of-lab', 'client-of-elsewhere']
