import t from 'tap'
import { registerClient } from '../src/storage/client.ts'
import { type CallerRow, callers, clients } from './no-leak/callers.ts'
import { doors } from './no-leak/doors.ts'
import { secretsOf } from './no-leak/secrets.ts'
import { openNoLeakWorld } from './no-leak/world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const secrets = secretsOf(world)
const types = [...Map.groupBy(secrets, ({ type }) => type)]
const callOf = async ({ token }: CallerRow) => world.call(token && (await world.token(token)))

const named = (type: string, ids: readonly string[]) => ids.map(id => `${type}/${id}`)

const mayUse = ({ lets }: CallerRow, letter: 'r' | 's') => lets === undefined || lets.actions.includes(letter)

/** Of the doors that ask the same in other ways each caller tries every fifteenth one, and the others on the next fourteen days. */
const today = Math.floor(Date.now() / 86_400_000)
const everyday: ReadonlySet<string> = new Set(['search', 'history of all', 'read'])
const isTried = (caller: number, door: number, name: string) => everyday.has(name) || (caller + door + today) % 15 === 0

for (const [place, caller] of callers.entries())
  t.test(`by no door does ${caller.name} see more than they may, nor less`, async t => {
    const call = await callOf(caller)
    for (const { name, letter, seen } of doors.filter((door, at) => isTried(place, at, door.name))) {
      const all: string[] = []
      for (const [type, ofType] of types)
        all.push(
          ...named(
            type,
            await seen(
              call,
              type,
              ofType.map(({ id }) => id),
            ),
          ),
        )
      const expected = secrets.filter(one => mayUse(caller, letter) && one.isReadBy(caller))
      t.strictSame(all.sort(), expected.map(({ type, id }) => `${type}/${id}`).sort(), name)
    }
  })
