import t from 'tap'
import { registerClient } from '../../src/storage/client.ts'
import type { TokenRequest } from '../../src/storage/token.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import { secretsOf } from './secrets.ts'
import { type Answer, type Call, openNoLeakWorld } from './world.ts'

/** The shapes of a search's answer: what comes along, and what is said of it, is as gated as the matches. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
// A wildcard asks every type.
t.setTimeout(240_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
const secrets = secretsOf(world)

const callOf = async ({ token }: CallerRow) => world.call(token && (await world.token(token)))
const asked = async (request: Pick<TokenRequest, 'subject' | 'scope'> & Partial<TokenRequest>): Promise<Call> =>
  world.call(await world.token(request))
const staff = (id: string, scope = 'user/*.cruds') =>
  asked({ subject: { kind: 'user', person: `person-${id}` }, scope })
const patient = (id: string, scope = 'user/*.cruds user/Consent.cruds') =>
  asked({ subject: { kind: 'patient', patient: id }, scope })

type Entry = {
  readonly resource: { readonly id: string; readonly resourceType: string }
  readonly search: { readonly mode: string }
}
const entriesOf = ({ status, body }: Answer): readonly Entry[] => {
  if (status !== 200) throw new Error(`${status}: ${body}`)
  return JSON.parse(body).entry ?? []
}
const named = (entries: readonly Entry[], mode: string) =>
  entries
    .filter(({ search }) => search.mode === mode)
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    .sort()

const bases = [
  'Observation',
  'Patient',
  'ResearchSubject',
  'Group',
  'Device',
  'Consent',
  'Organization',
  'Practitioner',
]
const everythingLinked = '_count=1000&_include:iterate=*&_revinclude:iterate=*'

for (const caller of callers)
  t.test(`nothing comes along that ${caller.name} may not search`, async t => {
    const call = await callOf(caller)
    const mayKnow = new Set(secrets.filter(one => one.isReadBy(caller)).map(({ type, id }) => `${type}/${id}`))
    const secret = new Set(secrets.map(({ type, id }) => `${type}/${id}`))
    for (const base of caller.name === 'researcher' ? bases : bases.slice(0, 1)) {
      const answer = await call('GET', `${base}?${everythingLinked}`)
      if ([401, 403].includes(answer.status)) continue
      const included = named(entriesOf(answer), 'include')
      t.strictSame(
        included.filter(one => secret.has(one) && !mayKnow.has(one)),
        [],
        base,
      )
      t.equal(new Set(included).size, included.length, `${base}: each once`)
      for (const [type, ids] of Map.groupBy(included, one => one.split('/')[0] ?? '')) {
        const list = ids.map(one => one.split('/')[1]).join(',')
        const searched = named(entriesOf(await call('GET', `${type}?_count=1000&_id=${list}`)), 'match')
        t.strictSame(searched, ids, `${base}: ${type} is what a search for them finds`)
      }
    }
  })

t.test('what is linked and may be searched does come along', async t => {
  const includes = async (call: Call, query: string) => named(entriesOf(await call('GET', query)), 'include')
  const researcher = await staff('researcher')
  const keeper = await staff('keeper')
  const ann = await patient('ann')
  t.strictSame(await includes(researcher, 'Observation?_id=ann-heart-0&_include=Observation:subject'), ['Patient/ann'])
  t.strictSame(await includes(keeper, 'Observation?_id=hal-heart&_include=Observation:subject'), [], 'coded')
  const seen = await includes(researcher, 'Patient?_id=ann&_revinclude=Observation:subject')
  t.ok(seen.includes('Observation/ann-heart-0'))
  t.notOk(seen.includes('Observation/ann-pressure'))
  t.ok((await includes(ann, 'Patient?_revinclude=Observation:subject')).includes('Observation/ann-pressure'))
  t.strictSame(
    await includes(researcher, 'Device?_id=acme&_revinclude=Observation:device'),
    named(entriesOf(await researcher('GET', 'Observation?device=Device/acme&_count=1000')), 'match'),
    'of a source that all may read, whose data may be searched',
  )
  t.strictSame(await includes(researcher, 'Provenance?_id=of-both,of-shown&_include=Provenance:target'), [
    'Observation/ann-heart-0',
  ])
  t.strictSame(
    await includes(
      researcher,
      'ResearchSubject?_id=open-ann&_include:iterate=ResearchSubject:individual&_revinclude:iterate=Observation:subject:Patient&_include:iterate=Observation:device',
    ).then(ids => ids.includes('Observation/ann-pressure')),
    false,
  )
})

t.test('the members of a Group that come along are those that are served in it', async t => {
  for (const id of ['researcher', 'keeper', 'collaborator', 'registrar']) {
    const entries = entriesOf(await (await staff(id))('GET', 'Group?_id=group-open,group-coded&_include=Group:member'))
    const members = entries.flatMap(({ resource }) =>
      ((resource as { member?: { entity: { reference: string } }[] }).member ?? []).map(one => one.entity.reference),
    )
    t.strictSame(named(entries, 'include'), [...new Set(members)].sort(), id)
  }
  const groups = async (id: string, query: string) => named(entriesOf(await (await staff(id))('GET', query)), 'include')
  t.strictSame(await groups('researcher', 'Patient?_id=ann&_revinclude=Group:member'), ['Group/group-open'])
  t.strictSame(await groups('registrar', 'Patient?_id=fay&_revinclude=Group:member'), [], 'who has left is in none')
})

t.test('a type that no scope grants is refused by name, and left out of a wildcard', async t => {
  const narrow = await staff('researcher', 'user/Observation.rs')
  const query = 'Observation?_id=ann-heart-0&'
  t.match(await narrow('GET', `${query}_include=Observation:patient`), { status: 403, body: /user\/Patient\.s/ })
  t.match(await narrow('GET', `${query}_include=Observation:subject:Patient`), { status: 403 })
  t.match(await narrow('GET', `${query}_revinclude=Provenance:target`), { status: 403, body: /user\/Provenance\.s/ })
  for (const wildcard of ['_include=*', '_include=Observation:*', '_revinclude=*', '_include:iterate=*']) {
    const included = named(entriesOf(await narrow('GET', query + wildcard)), 'include')
    t.strictSame(
      included.filter(one => !one.startsWith('Observation/')),
      [],
      wildcard,
    )
  }
  const reading = await staff('researcher', 'user/Observation.rs user/Patient.r')
  t.match(await reading('GET', `${query}_include=Observation:patient`), { status: 403 }, 'to read is not to search')
  const kinds = await staff('researcher', 'user/Patient.rs user/Observation.rs?code=omh:body-weight')
  const weights = named(entriesOf(await kinds('GET', 'Patient?_id=ann&_revinclude=Observation:subject')), 'include')
  t.notOk(weights.includes('Observation/ann-heart-0'), 'a granular scope holds for what comes along')
})

t.test('the links back are nobody else’s either, and ask anew', async t => {
  const link = async (call: Call, path: string, relation: string): Promise<string> => {
    const { body } = await call('GET', path)
    const { link }: { link: readonly { relation: string; url: string }[] } = JSON.parse(body)
    return link.find(one => one.relation === relation)?.url.replace(/^.*\/fhir\//, '') ?? ''
  }
  const researcher = await staff('researcher')
  const next = await link(researcher, 'Observation?patient=ann&_count=1&_include=Observation:subject', 'next')
  for (const relation of ['first', 'previous']) {
    const back = await link(researcher, next, relation)
    t.equal(entriesOf(await researcher('GET', back)).length, 2, relation)
    for (const other of [await staff('registrar'), await staff('researcher', 'user/*.rs'), world.everything])
      t.equal((await other('GET', back)).status, 400, relation)
  }
})
