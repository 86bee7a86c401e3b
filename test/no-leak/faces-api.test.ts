import type { ResearchStudy, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { callers, clients } from './callers.ts'
import { secretsOf } from './secrets.ts'
import { openNoLeakWorld } from './world.ts'

/** The routes of /api/v1, for callers of each kind: they tell nothing that the rules do not show. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(120_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const asked = new Set([
  'no token',
  'dean',
  'researcher',
  'registrar',
  'visitor',
  'collaborator',
  'keeper',
  'clinician',
  'former',
  'nobody',
  'officer',
  'ann',
  'hal',
  'pat',
  'jon',
  'person-ann',
  'client-of-lab',
  'client-of-lab, narrowed to coded',
  'administrator',
  'the researcher, narrowed to coded',
  'ann, narrowed to a study',
  'the researcher by user/*.read',
  'the researcher by user/Observation.r?code=omh:body-weight',
  'the researcher by user/Observation.write',
  'the researcher by system/*.cruds',
  'the researcher, launched for ann',
  'ann, of one kind',
])
const few = callers.filter(({ name }) => asked.has(name))
if (few.length !== asked.size) throw new Error('a caller is not known')

const secrets = secretsOf(world)
const ofType = (type: ResourceType) => secrets.filter(one => one.type === type)
/** Here a study is known by its Group. */
const groupOf = new Map<string, string>()
for (const { id } of ofType('ResearchStudy')) {
  const study: ResearchStudy = JSON.parse((await world.everything('GET', `ResearchStudy/${id}`)).body)
  groupOf.set(id, study.enrollment?.[0]?.reference?.replace('Group/', '') ?? '')
}
const nameOf = (type: ResourceType, id: string) => (type === 'ResearchStudy' ? (groupOf.get(id) ?? id) : id)

const lists: readonly (readonly [path: string, type: ResourceType])[] = [
  ['patients', 'Patient'],
  ['studies', 'ResearchStudy'],
  ['organizations', 'Organization'],
  ['observations', 'Observation'],
]
const narrowed: typeof lists = [
  ['patients?study_id=group-open', 'Patient'],
  ['patients?study_id=group-foreign', 'Patient'],
  ['patients?organization_id=elsewhere', 'Patient'],
  ['patients?patient_id=jon', 'Patient'],
  ['studies?organization_id=elsewhere', 'ResearchStudy'],
  ['organizations?part_of=university', 'Organization'],
  ['observations?patient_id=ann', 'Observation'],
  ['observations?study_id=group-coded', 'Observation'],
  ['observations?organization_id=lab', 'Observation'],
]

type Answered = {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
  readonly body: any
}

/** What was answered to anybody; if nothing was, the test would show nothing. */
const found = new Set<string>()

const apiOf = (bearer: string | undefined) => {
  const ask = async (path: string, method: 'GET' | 'POST' = 'GET', payload?: object): Promise<Answered> => {
    const answer = await world.server.inject({
      method,
      url: path.startsWith('/') ? path : `/api/v1/${path}`,
      ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
      ...(payload === undefined ? {} : { payload }),
    })
    if (answer.statusCode >= 500) throw new Error(`${path}: ${answer.statusCode} ${answer.body}`)
    if (answer.statusCode === 200) found.add(path)
    return { status: answer.statusCode, body: answer.json() }
  }
  /** Every page. */
  const list = async (path: string): Promise<readonly { readonly id: string }[]> => {
    const { status, body } = await ask(`${path}${path.includes('?') ? '&' : '?'}page_size=1000`)
    return status === 200 ? body.results : []
  }
  return { ask, list }
}

type Api = ReturnType<typeof apiOf>
type Caller = (typeof callers)[number]

/** What a list shows that the caller may not read. */
const leaksInLists = async ({ list }: Api, caller: Caller): Promise<readonly string[]> => {
  const mayList = caller.lets === undefined || caller.lets.actions.includes('s')
  const leaks: string[] = []
  for (const [path, type] of [...lists, ...narrowed]) {
    const ids = new Set((await list(path)).map(({ id }) => id))
    const told = ofType(type).filter(({ id }) => ids.has(nameOf(type, id)))
    leaks.push(...told.filter(one => !one.isReadBy(caller) || !mayList).map(({ id }) => `${path}: ${id}`))
  }
  return leaks
}

const leaksInReads = async ({ ask }: Api, caller: Caller): Promise<readonly string[]> => {
  const leaks: string[] = []
  for (const [path, type] of lists.filter(([, type]) => type !== 'Observation'))
    for (const one of ofType(type)) {
      const { status, body } = await ask(`${path}/${nameOf(type, one.id)}`)
      const isSilent = status !== 200 && Object.keys(body).join() === 'detail'
      if (!isSilent && !one.isReadBy(caller)) leaks.push(`${path}/${one.id}`)
    }
  return leaks
}

const leaksInConsents = async ({ ask }: Api, caller: Caller): Promise<readonly string[]> => {
  const leaks: string[] = []
  const hidden = new Set(
    ofType('ResearchStudy').flatMap(one => (one.isReadBy(caller) ? [] : [nameOf(one.type, one.id)])),
  )
  for (const { id, isReadBy } of ofType('Patient')) {
    const { status, body } = await ask(`patients/${id}/consents`)
    if (status !== 200) continue
    if (!isReadBy(caller)) leaks.push(id)
    for (const study of [...body.studies, ...body.studiesPendingConsent])
      if (hidden.has(study.id)) leaks.push(`${study.id} of ${id}`)
  }
  return leaks
}

for (const caller of few)
  t.test(`/api/v1 shows ${caller.name} nothing that the rules do not`, async t => {
    const api = apiOf(caller.token && (await world.token(caller.token)))
    t.same(await leaksInLists(api, caller), [])
    t.same(await leaksInReads(api, caller), [])
    t.same(await leaksInConsents(api, caller), [])
  })

t.test('everything that could leak was shown to somebody', async t => {
  const paths = [
    ...lists.map(([path]) => `${path}?page_size=1000`),
    ...narrowed.map(([path]) => `${path}&page_size=1000`),
  ]
  const one = lists.flatMap(([path, type]) => (type === 'Observation' ? [] : [new RegExp(`^${path}/[^/]+$`)]))
  t.same(
    paths.filter(path => !found.has(path)),
    [],
  )
  for (const pattern of [...one, /^patients\/[^/]+\/consents$/])
    t.ok(
      [...found].some(path => pattern.test(path)),
      String(pattern),
    )
})

t.test('only the patient answers for themselves, and nobody answers for another', async t => {
  const before = (await world.everything('GET', 'Consent?_count=1000&_elements=status')).body
  const scopeConsents = [
    { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:heart-rate', consented: true },
  ]
  for (const caller of few.filter(({ name }) => name !== 'hal')) {
    const { ask } = apiOf(caller.token && (await world.token(caller.token)))
    const answer = { studyScopeConsents: [{ studyId: 'group-coded', scopeConsents }] }
    const { status } = await ask('patients/hal/consents', 'POST', answer)
    t.ok([401, 403, 404].includes(status), `${caller.name}: ${status}`)
  }
  t.equal((await world.everything('GET', 'Consent?_count=1000&_elements=status')).body, before)
})

t.test('a link to another page is of use only to its caller', async t => {
  const tokenOf = (id: string) => world.token({ subject: { kind: 'user', person: `person-${id}` }, scope: 'user/*.rs' })
  const { body } = await apiOf(await tokenOf('researcher')).ask('patients?page_size=1')
  const path = new URL(body.next)
  const url = `${path.pathname}${path.search}`
  t.equal((await apiOf(await tokenOf('researcher')).ask(url)).status, 200)
  t.not((await apiOf(await tokenOf('visitor')).ask(url)).status, 200)
})

t.test('a token for one study with a scope for Observations only can ask for that study, and for no other', async t => {
  const subject = { kind: 'user', person: 'person-keeper' } as const
  const bearer = await world.token({ subject, scope: 'user/Observation.rs?code=omh:heart-rate', study: 'coded' })
  const [fhir, r5, { ask }] = [world.call(bearer), world.call(bearer, '/FHIR/R5'), apiOf(bearer)]
  const byGroup = (group: string) => `Observation?patient._has:Group:member:_id=${group}&_summary=false`
  const idsIn = (body: string): readonly string[] =>
    JSON.parse(body).entry.map(({ resource }: { resource: { id: string } }) => resource.id)
  const seen = idsIn((await fhir('GET', 'Observation?_summary=false')).body)
  t.ok(seen.length > 0)
  for (const group of ['group-coded', 'Group/group-coded'])
    t.same(idsIn((await r5('GET', byGroup(group))).body), seen, group)
  for (const study of ['group-coded', 'coded']) {
    const { body } = await ask(`observations?study_id=${study}&page_size=1000`)
    t.same(
      body.results.map(({ id }: { id: string }) => id),
      seen,
      study,
    )
  }
  const refused = async (group: string, study: string) => {
    const [found, told] = [await r5('GET', byGroup(group)), await ask(`observations?study_id=${study}`)]
    return [found.status, found.body.replaceAll(group, 'GROUP'), told.status, told.body]
  }
  const unknown = await refused('nothing', 'nothing')
  t.match(unknown, [403, String, 404, { detail: String }])
  for (const study of ['open', 'foreign', 'naming']) {
    t.strictSame(await refused(`group-${study}`, `group-${study}`), unknown, study)
    t.strictSame(await refused(`group-${study}`, study), unknown, study)
  }
  t.equal((await ask('users/profile')).body.settings.currentStudyId, 'group-coded')
  // It was shown the study's data, and not the study.
  t.same([(await fhir('GET', 'ResearchStudy')).status, (await ask('studies/group-coded')).status], [403, 404])
  const whole = await world.token({ subject, scope: 'user/Observation.rs' })
  t.equal(
    (await world.call(whole, '/FHIR/R5')('GET', byGroup('group-coded'))).status,
    403,
    'nor is one that is of all studies',
  )
})
