import t from 'tap'
import { registerClient } from '../src/storage/authorization/client.ts'
import { type CallerRow, callers, clients } from './no-leak/callers.ts'
import { doors } from './no-leak/doors.ts'
import { secretsOf } from './no-leak/secrets.ts'
import { openNoLeakWorld } from './no-leak/world.ts'
import { isOnTurn } from './support/turn.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
// With TURNS=all each caller tries some twenty doors.
t.setTimeout(1_100_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const secrets = secretsOf(world)
const types = [...Map.groupBy(secrets, ({ type }) => type)]
const callOf = async ({ token }: CallerRow) => world.call(token && (await world.token(token)))

const named = (type: string, ids: readonly string[]) => ids.map(id => `${type}/${id}`)

const mayUse = ({ lets }: CallerRow, letter: 'r' | 's') => lets === undefined || lets.actions.includes(letter)

/** Through these doors a caller asks for every third type, and for the other types on the next two days. */
const everyday: ReadonlySet<string> = new Set(['search', 'read'])
/** Through the others, which ask the same in other ways or read very much, a caller asks for all types once in this many days. */
const daysOf = (door: string): number => (door === 'history of all' ? 4 : 21)
const isTried = (caller: number, door: number, type: number): boolean => {
  const name = doors[door]?.name ?? ''
  return everyday.has(name) ? isOnTurn(caller + door + type, 3) : isOnTurn(caller + door, daysOf(name))
}

for (const [place, caller] of callers.entries())
  t.test(`through no door does ${caller.name} see more than they may, nor less`, async t => {
    const call = await callOf(caller)
    for (const [door, { name, letter, seen }] of doors.entries()) {
      const tried = types.filter((_, type) => isTried(place, door, type))
      if (tried.length === 0) continue
      const all: string[] = []
      for (const [type, ofType] of tried) {
        const ids = ofType.map(({ id }) => id)
        all.push(...named(type, await seen(call, type, ids)))
      }
      const expected = tried.flatMap(([, ofType]) =>
        ofType.filter(one => mayUse(caller, letter) && one.isReadBy(caller)),
      )
      t.strictSame(all.sort(), expected.map(({ type, id }) => `${type}/${id}`).sort(), name)
    }
  })
