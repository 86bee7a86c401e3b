import type { Bundle, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { openNoLeakWorld } from './world.ts'

/** What a place in a study says of an answer is told to nobody who may not read the answer itself. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(240_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const stored: Bundle<ResearchSubject> = JSON.parse((await world.everything('GET', 'ResearchSubject?_count=1000')).body)
const places = (stored.entry ?? []).flatMap(({ resource }) => resource ?? [])

t.test('the places in the studies that an organization reads say what was answered, and no others do', async t => {
  const access = new Map(facts.studies.map(one => [`ResearchStudy/${one.id}`, one.access]))
  const answered = places.map(({ study: { reference = '' }, consent }) => [
    access.get(reference),
    consent !== undefined,
  ])
  t.strictSame(
    answered.filter(([access, isAnswered]) => isAnswered !== (access === 'organization')),
    [],
  )
  t.ok(answered.some(([access]) => access === 'staff'))
})

const isWide = ({ token, lets }: (typeof callers)[number]) => token !== undefined && lets === undefined

for (const caller of callers.filter(isWide))
  t.test(`${caller.name} reads each Consent that a place, or an earlier version of one, names`, async t => {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const { id } of places) {
      const { status, body } = await call('GET', `ResearchSubject/${id}/_history`)
      if (status !== 200) continue
      const versions: Bundle<ResearchSubject> = JSON.parse(body)
      const named = new Set((versions.entry ?? []).flatMap(({ resource }) => resource?.consent?.reference ?? []))
      for (const consent of named) t.equal((await call('GET', consent)).status, 200, `${id}: ${consent}`)
    }
  })
