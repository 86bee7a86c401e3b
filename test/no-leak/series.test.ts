import t from 'tap'
import { registerClient } from '../../src/storage/client.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { secretsOf } from './secrets.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const unknownId = 'nothing-of-the-kind'

/** None of the values has a number in a unit that is asked, so all of them are left out, and told. */
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

t.test('$series and $glucose-profile count what the caller may search, and are silent of the rest', async t => {
  for (const caller of callers) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const searches = caller.lets === undefined || caller.lets.actions.includes('s')
    const visible = new Set(
      secretsOf(world).flatMap(one => (searches && one.type === 'Observation' && one.isReadBy(caller) ? [one.id] : [])),
    )
    for (const [kind, patient] of asks) {
      const expected = measured(kind, patient).filter(({ id }) => visible.has(id)).length
      for (const path of pathsOf(kind, patient)) {
        const { status, body } = await call('GET', path)
        const counted = [401, 403].includes(status) ? 0 : leftOutOf(body)
        t.equal(counted, expected, `${caller.name}: ${path}`)
      }
    }
  }
})
