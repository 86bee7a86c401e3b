import t from 'tap'
import { served } from '../../src/faces/r5/interactions.ts'
import { registerClient } from '../../src/storage/client.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import { doors } from './doors.ts'
import { secretsOf } from './secrets.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

/** Kinds of callers, each once: the same access lets them in at /fhir, where all of them come to all doors. */
const here: readonly CallerRow[] = callers.filter(({ name }) =>
  ['no token', 'researcher', 'visitor', 'bob', 'client-of-lab', 'administrator', 'ann, of one kind'].includes(name),
)

const names = ['search', 'search by POST', 'transaction', 'read']
const r5Doors = doors.filter(({ name }) => names.includes(name))
const types = [...Map.groupBy(secretsOf(world), ({ type }) => type)].filter(([type]) => served.has(type))

const mayUse = ({ lets }: CallerRow, letter: 'r' | 's') => lets === undefined || lets.actions.includes(letter)

t.test('the callers, doors and types are there', async t => {
  t.same([here.length, r5Doors.length, types.length], [7, names.length, served.size])
})

for (const caller of here)
  t.test(`by no door of FHIR R5 does ${caller.name} see more than they may, nor less`, async t => {
    const call = world.call(caller.token && (await world.token(caller.token)), '/FHIR/R5')
    for (const { name, letter, seen } of r5Doors)
      for (const [type, secrets] of types) {
        const ids = secrets.map(({ id }) => id)
        const expected = secrets.flatMap(one => (mayUse(caller, letter) && one.isReadBy(caller) ? [one.id] : []))
        t.strictSame([...(await seen(call, type, ids))].sort(), expected.sort(), `${name} of ${type}`)
      }
  })
