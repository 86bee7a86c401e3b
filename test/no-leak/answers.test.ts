import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import type { TokenRequest } from '../../src/storage/authorization/token.ts'
import { isOnTurn } from '../support/turn.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { secretsOf } from './secrets.ts'
import { type Answer, type Call, consentOf, openNoLeakWorld } from './world.ts'

/** The parts of a search's answer: included resources, and what is said of them, pass the gate like the matches. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
// A wildcard asks for every type.
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
/** Of all Observations; for the researcher, on every third day, of the rest as well. */
const basesOf = ({ name }: CallerRow) =>
  bases.filter((_, place) => place === 0 || (name === 'researcher' && isOnTurn(place, 5)))
const everythingLinked = '_count=1000&_include:iterate=*&_revinclude:iterate=*'

for (const caller of callers)
  t.test(`nothing is included that ${caller.name} may not search`, async t => {
    const call = await callOf(caller)
    const mayKnow = new Set(secrets.filter(one => one.isReadBy(caller)).map(({ type, id }) => `${type}/${id}`))
    const secret = new Set(secrets.map(({ type, id }) => `${type}/${id}`))
    for (const base of basesOf(caller)) {
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

t.test('linked resources that may be searched are included', async t => {
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

t.test('the members of an included Group are those that it is served with', async t => {
  for (const id of ['researcher', 'keeper', 'collaborator', 'registrar']) {
    const entries = entriesOf(await (await staff(id))('GET', 'Group?_id=group-open,group-coded&_include=Group:member'))
    const members = entries.flatMap(({ resource }) =>
      ((resource as { member?: { entity: { reference: string } }[] }).member ?? []).map(one => one.entity.reference),
    )
    t.strictSame(named(entries, 'include'), [...new Set(members)].sort(), id)
  }
  const groups = async (id: string, query: string) => named(entriesOf(await (await staff(id))('GET', query)), 'include')
  t.strictSame(await groups('researcher', 'Patient?_id=ann&_revinclude=Group:member'), ['Group/group-open'])
  t.strictSame(
    await groups('registrar', 'Patient?_id=fay&_revinclude=Group:member'),
    [],
    'somebody who has left is in none',
  )
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
  t.match(await reading('GET', `${query}_include=Observation:patient`), { status: 403 }, 'reading is not searching')
  const kinds = await staff('researcher', 'user/Patient.rs user/Observation.rs?code=omh:body-weight')
  const weights = named(entriesOf(await kinds('GET', 'Patient?_id=ann&_revinclude=Observation:subject')), 'include')
  t.notOk(weights.includes('Observation/ann-heart-0'), 'a granular scope applies to included resources')
})

t.test('the links between pages are of no use to others, and are checked anew', async t => {
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

t.test('nobody is told what else an upload brought, nor how much, in whatever way they ask', async t => {
  const { provenance, shown, hidden } = world.uploaded
  const [own = '', weight = '', others = ''] = hidden
  const researcher = await staff('researcher')
  const targetsIn = ({ body }: Answer): readonly string[] =>
    [...body.matchAll(/"reference":\s?"(Observation\/[^"]+)"/g)].map(([, reference = '']) => reference).sort()
  const all = [shown, own, weight].map(id => `Observation/${id}`).sort()
  for (const [name, call, targets] of [
    ['researcher', researcher, [`Observation/${shown}`]],
    ['the patient', await patient('pat'), all],
    ['the same human, registered elsewhere', await patient('pat-elsewhere'), all],
    ['an import', world.everything, all],
  ] as const)
    for (const path of [
      `Provenance/${provenance}`,
      `Provenance/${provenance}/_history/1`,
      `Provenance/${provenance}/_history`,
      `Provenance?_id=${provenance}`,
      `Provenance?target=Observation/${shown}`,
      `Provenance?target:Observation.date=2026-03-02&_id=${provenance}`,
      `Provenance?_id=${provenance}&target:missing=false&_elements=target`,
      `Provenance?_filter=target ne Observation/nobody&_id=${provenance}`,
      `Observation?_id=${shown}&_elements=id&_revinclude=Provenance:target`,
    ])
      t.strictSame(targetsIn(await call('GET', path)), targets, `${name}: ${path}`)
  const ids = async (query: string) => entriesOf(await researcher('GET', query)).map(({ resource }) => resource.id)
  for (const query of [
    ...[own, weight, others].map(id => `Provenance?target=${id}`),
    'Provenance?target:Observation.date=2026-01-02',
    `Provenance?target:Observation.code=${facts.weight}&_id=${provenance}`,
    `Provenance?_filter=target eq Observation/${own}`,
    `Provenance?_filter=target ne Observation/${shown}&_id=${provenance}`,
    `Provenance?_content=${own}`,
    `Provenance?_id=${provenance}&target:missing=true`,
    `Observation?_has:Provenance:target:_id=${provenance}&_id=${hidden.join()}`,
  ])
    t.strictSame(await ids(query), [], query)
  t.strictSame(await ids(`Observation?_has:Provenance:target:_id=${provenance}`), [shown])
  t.strictSame(
    named(entriesOf(await researcher('GET', `Provenance?_id=${provenance}&_include=Provenance:target`)), 'include'),
    [`Observation/${shown}`],
  )
  const narrow = await staff('researcher', 'user/Provenance.rs user/Observation.rs?code=omh:body-weight')
  t.equal(
    (await narrow('GET', `Provenance/${provenance}`)).status,
    404,
    'a narrower scope holds for what it has brought',
  )
  t.equal((await (await staff('visitor'))('GET', `Provenance/${provenance}`)).status, 404)

  const consent = facts.consents.find(one => one.patient === 'pat')
  if (consent === undefined) throw new Error('pat has no Consent')
  const withdrawn = consentOf({ ...consent, status: 'inactive' })
  t.equal((await world.everything('PUT', `Consent/${withdrawn.id}`, withdrawn)).status, 200)
  t.equal((await researcher('GET', `Provenance/${provenance}`)).status, 404, 'a consent that ends hides it')
  t.strictSame(await ids(`Provenance?target=Observation/${shown}`), [])
})
