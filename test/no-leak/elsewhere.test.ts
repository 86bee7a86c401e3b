import type { Bundle, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { openRandom } from '../oracle/random.ts'
import { callers, clients } from './callers.ts'
import { openQuestions } from './questions.ts'
import { type Answer, type Call, openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

/** In an order in which they can be written. */
const types = [
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Patient',
  'Person',
  'Device',
  'Group',
  'ResearchStudy',
  'ResearchSubject',
  'Consent',
  'Observation',
  'Condition',
  'List',
  'Binary',
]

/** Everything once more, for other people, with the same names, codes and values. A Device that is a source of data is for everybody to see. */
const copiesOf = async (everything: Call): Promise<readonly Resource[]> => {
  const found: Resource[] = []
  for (const type of types) {
    const { entry = [] }: Bundle = JSON.parse((await everything('GET', `${type}?_count=1000`)).body)
    found.push(...entry.flatMap(({ resource }) => resource ?? []))
  }
  const copied = found.filter(one => one.resourceType !== 'Device' || one.patient !== undefined)
  const there = new Map(copied.map(({ resourceType, id }) => [`${resourceType}/${id}`, `${resourceType}/${id}-there`]))
  return copied.map(({ meta: _, ...rest }) =>
    JSON.parse(JSON.stringify({ ...rest, id: `${rest.id}-there` }), (_, value) => there.get(value) ?? value),
  )
}

/** Signed under a text that has been replaced, which nobody can sign any more. */
const formerText = 'Consent/consent-naming-gil-there'

/** Has the tenant write them, and answers which were refused. */
const refusedOf = async (copies: readonly Resource[]): Promise<readonly string[]> => {
  const client = { id: 'of-there', name: 'of-there', organization: 'university-there', policies: [] }
  await registerClient(world.database, client)
  const call = world.call(
    await world.token({
      subject: { kind: 'client' },
      client: client.id,
      scope: 'system/*.cruds',
      policies: ['everything'],
    }),
  )
  const refused: string[] = []
  for (const one of copies) {
    const { status } = await call('PUT', `${one.resourceType}/${one.id}`, one)
    if (status !== 201) refused.push(`${one.resourceType}/${one.id}`)
  }
  return refused
}

/** Links to further pages are sealed anew each time. */
const said = ({ status, body, headers }: Answer): string => {
  if (status >= 500) throw new Error(`${status}: ${body}`)
  return `${status} ${headers.etag} ${body.replace(/_cursor=[^"&]*/g, '_cursor')}`
}

t.test('what a tenant has that somebody may not see changes no answer to them, whatever they ask', async t => {
  const copies = await copiesOf(world.everything)
  const questionBy = openQuestions(JSON.parse((await world.everything('GET', 'metadata')).body), copies)
  const askers = await Promise.all(
    // An administrator of the installation looks after all tenants.
    callers
      .filter(({ name }) => name !== 'everything' && name !== 'administrator')
      .map(async ({ name, token }) => {
        const random = openRandom(1, name)
        const questions = Array.from({ length: 40 }, () => questionBy(random))
        return { name, call: world.call(token && (await world.token(token))), questions }
      }),
  )
  const answers = async (): Promise<readonly (readonly string[])[]> => {
    const all: string[][] = []
    for (const { call, questions } of askers)
      all.push(await Promise.all(questions.map(async one => `${one}\n${said(await call('GET', one))}`)))
    return all
  }

  const before = await answers()
  t.same(await refusedOf(copies), [formerText], 'of all that there is, a tenant comes with a copy')
  const after = await answers()
  for (const [at, { name }] of askers.entries()) t.strictSame(after[at], before[at], name)
})
