import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { reasonNotRead } from '../../src/studies/definition/study-status.ts'
import { peopleStates } from '../../src/web/study/people-asked.ts'
import { type Shown, wordsOf } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import { callers } from './callers.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** The page of a study says no more of its people than the same reader sees with FHIR. */
const world = await openNoLeakWorld()
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]
/** With FHIR, and everything that pages may read. */
const readable = async (person: string, path: string): Promise<readonly string[]> => {
  const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.rs' })
  const { status, body } = await world.call(token)('GET', path)
  const { entry = [] } = status === 200 ? JSON.parse(body) : {}
  return entry.map(({ resource }: { readonly resource: { readonly id: string } }) => resource.id)
}

/** There is no map while nobody reads anything for the study. */
const mappedOf = async (id: string, subjects: readonly string[]): Promise<number> => {
  const study: ResearchStudy = JSON.parse((await world.everything('GET', `ResearchStudy/${id}`)).body)
  return reasonNotRead(study) === undefined ? subjects.length : 0
}

/** Manages an organization above that of most studies: sees their definition, and no page about the people in them. */
const fromAbove = 'dean'

t.test('the page of a study exists for staff who may read it, with the people whom they may read', async t => {
  for (const [place, practitioner] of facts.practitioners.filter(one => one !== fromAbove).entries()) {
    t.ok(callers.some(({ name }) => name === practitioner))
    const person = `person-${practitioner}`
    const { browser } = await signedIn(person)
    const none = anonymous(await browser.get('/studies/nothing-of-the-kind'))
    const studies = await readable(person, 'ResearchStudy?_count=100')
    const listed = await browser.get('/studies')
    for (const { id } of todays(facts.studies, 3, place)) {
      t.equal(listed.body.includes(`href="/studies/${id}"`), studies.includes(id), `${practitioner}: ${id} in the list`)
      const shown = await browser.get(`/studies/${id}`)
      const map = await browser.get(`/studies/${id}/completeness`)
      const newest = await browser.get(`/studies/${id}/arrivals`)
      const notebook = await browser.get(`/studies/${id}/notebook`)
      if (!studies.includes(id))
        for (const one of [shown, map, newest, notebook]) t.strictSame(anonymous(one), none, `${practitioner}: ${id}`)
      else {
        const subjects = await readable(person, `ResearchSubject?study=ResearchStudy/${id}&_count=100`)
        t.equal(shown.body.split('<h3>').length - 1, subjects.length, `${practitioner}: the people of ${id}`)
        const mapped = await mappedOf(id, subjects)
        t.equal(map.body.split('<th scope="row">').length - 1, mapped, `${practitioner}: the map of ${id}`)
        const readings = await readable(person, 'Observation?_count=1000')
        t.ok(newest.body.split('<strong>').length - 1 <= readings.length, `${practitioner}: what is new in ${id}`)
        const patients = new Set(await readable(person, 'Patient?_count=100'))
        const told = [...shown.body.matchAll(/href="\/patients\/([^"?]+)["?]/g)].map(([, patient = '']) => patient)
        t.same(
          told.filter(patient => !patients.has(patient)),
          [],
          `${practitioner}: the names in ${id}`,
        )
      }
    }
  }
})

t.test(
  'a link that says what was done for somebody names them only to those who may read them in that study',
  async t => {
    const { body } = await world.call('everything')('GET', 'ResearchSubject?_count=1000')
    const subjects: readonly ResearchSubject[] = JSON.parse(body).entry.map(
      ({ resource }: { readonly resource: object }) => resource,
    )
    let [turn, told] = [0, 0]
    for (const [place, practitioner] of facts.practitioners.entries())
      for (const { id } of todays(facts.studies, 3, place)) {
        // Each of them is tried by somebody.
        const some = subjects.filter((_, place) => place % 5 === turn % 5)
        const done = dones[turn++ % 3] ?? ''
        for (const { what, shown, plain, mayBe } of await followed(practitioner, id, some, done)) {
          const notice = noticeIn(shown)
          if (notice === '') t.strictSame(unbound(shown), plain, what)
          else t.ok(mayBe(notice), what)
          told += Number(notice !== '')
        }
      }
    t.ok(told > 0, 'some are named')
  },
)

const dones = ['withdrawn', 'confirmed', 'discarded']

/** What each of these links shows them, and whether they may be told it. */
const followed = async (practitioner: string, study: string, subjects: readonly ResearchSubject[], done: string) => {
  const person = `person-${practitioner}`
  const { browser } = await signedIn(person)
  const patients = await readable(person, 'Patient?_count=100')
  const path = `ResearchSubject?study=ResearchStudy/${study}&_count=100`
  const theirs = practitioner === fromAbove ? [] : await readable(person, path)
  const plain = unbound(await browser.get(`/studies/${study}`))
  const links = []
  for (const { id = '', individual } of subjects) {
    const shown = await browser.get(`/studies/${study}?done=${done}&subject=${id}`)
    const isNamed = patients.includes(individual.reference?.split('/')[1] ?? '')
    const mayBe = (notice: string) => theirs.includes(id) && (isNamed || !notice.includes('secret-'))
    links.push({ what: `${practitioner}: ${id} in ${study}`, shown, plain, mayBe })
  }
  return links
}

/** Whom a page names in what it says was done. */
const noticeIn = ({ body }: Shown): string => /<dl class="mb-0">(.*?)<\/dl>/s.exec(body)?.[1] ?? ''

/** Without what belongs to one session, and without the time at which it was shown, which paper says. */
const unbound = (shown: Shown) => {
  const [status, body] = anonymous(shown)
  const printed = /<p class="d-none d-print-block"><time[^>]*>[^<]*<\/time><\/p>/g
  return [
    status,
    String(body)
      .replaceAll(/name="_csrf" value="[^"]*"/g, '')
      .replaceAll(printed, ''),
  ]
}

t.test('no link tells somebody who may not read answers what was answered', async t => {
  const { browser } = await signedIn('person-registrar')
  const ids = await readable(
    'person-registrar',
    'ResearchSubject?study=ResearchStudy/coded&status:not=withdrawn,off-study&_count=100',
  )
  t.ok(ids.length > 0)
  for (const done of dones)
    for (const id of ids)
      t.not(noticeIn(await browser.get(`/studies/coded?done=${done}&subject=${id}`)), '', `${done}: ${id}`)
})

t.test('nobody who may not read answers finds people by them', async t => {
  const { browser } = await signedIn('person-registrar')
  const people = async (query: string) => {
    const { status, body } = await browser.get(`/studies/coded${query}`)
    t.equal(status, 200)
    return [...body.matchAll(/<h3>(.*?)<\/h3>/gs)].map(([, heading = '']) => heading.replaceAll(/<[^>]*>/g, ''))
  }
  const everybody = await people('')
  t.ok(everybody.length > 0)
  for (const state of Object.keys(peopleStates)) t.strictSame(await people(`?state=${state}`), everybody, state)
  t.strictSame(
    await people('?sort=arrival'),
    await people('?sort=enrolment'),
    'nor sorts them by data that they may not read',
  )
  t.strictSame(await people('?sort=expiry'), everybody, 'nor by their invitations, where nobody is invited')
})

const everyKind = [...new Set(facts.observations.flatMap(({ kinds }) => kinds))]

t.test('a notebook has only data that its reader may see, and there is none for others', async t => {
  let count = 0
  for (const practitioner of facts.practitioners) {
    const person = `person-${practitioner}`
    const { browser, _csrf } = await signedIn(person)
    const studies = await readable(person, 'ResearchStudy?_count=100')
    const readings = new Set(await readable(person, 'Observation?_count=1000'))
    for (const { id } of facts.studies) {
      const sent = { _csrf, kind: everyKind }
      const taken = await browser.post(`/studies/${id}/notebook/readings.ndjson`, sent)
      t.ok([200, 404].includes(taken.status), `${practitioner}: ${id} ${taken.status}`)
      const ids = idsIn(taken)
      count += ids.length
      const others = ids.filter(one => !readings.has(one))
      t.same(others, [], `${practitioner}: the readings of ${id}`)
      if (studies.includes(id) && practitioner !== fromAbove) continue
      for (const path of ['', '/readings.csv', '/readings.ndjson'])
        t.equal((await browser.post(`/studies/${id}/notebook${path}`, sent)).status, 404)
    }
  }
  t.ok(count > 0, `${count} readings were taken`)
})

const idsIn = ({ status, body }: Shown): readonly string[] =>
  status === 200 ? body.split('\n').flatMap(line => (line === '' ? [] : JSON.parse(line).id)) : []

t.test('somebody who registers people for a study that only its staff read is not shown their answers', async t => {
  const shown = wordsOf(await (await signedIn('person-registrar')).browser.get('/studies/coded'))
  t.match(shown, /You may not see what they answered\. You see no data of theirs\./)
  const staff = wordsOf(await (await signedIn('person-keeper')).browser.get('/studies/coded'))
  t.match(staff, /Shares|Has not answered/)
  t.notMatch(staff, /secret-hal/, 'somebody who knows people by code is shown no name')
})

t.test('a manager from above looks after a study, and is shown nobody in it', async t => {
  const { browser } = await signedIn(`person-${fromAbove}`)
  const none = anonymous(await browser.get('/studies/nothing-of-the-kind'))
  const ofTheLab = facts.studies.filter(({ organization }) => organization === 'lab').map(({ id }) => id)
  t.same((await readable(`person-${fromAbove}`, 'ResearchStudy?_count=100')).toSorted(), ofTheLab.toSorted())
  for (const id of ofTheLab) {
    const shown = await browser.get(`/studies/${id}`)
    t.equal(shown.status, 200, id)
    t.match(wordsOf(shown), /You manage an organization above the one this study belongs to\./, id)
    t.notMatch(
      shown.body,
      /<h3>|secret-|\/patients\/|\/(?:completeness|arrivals|notebook|enrolment|invitations|quarantine)"/,
      id,
    )
    for (const path of ['completeness', 'arrivals', 'notebook', 'enrolment', 'invitations', 'quarantine'])
      t.strictSame(anonymous(await browser.get(`/studies/${id}/${path}`)), none, `${id}: ${path}`)
    const staff = await browser.get(`/studies/${id}/settings/staff`)
    t.equal(staff.status, 200, id)
    t.match(wordsOf(staff), /Add somebody/, id)
  }
})

const settings = ['', '/access', '/facts', '/data', '/staff', '/text', '/text/draft/en', '/status']
const forms = [
  '/access',
  '/facts',
  '/data',
  '/data/remove',
  '/staff',
  '/staff/0',
  '/staff/0/remove',
  '/text/draft/en',
  '/text/publish',
  '/status',
]

t.test('the settings of a study exist for those who may read and write it with FHIR, and for nobody else', async t => {
  let turn = 0
  for (const practitioner of facts.practitioners) {
    const person = `person-${practitioner}`
    const { browser, _csrf } = await signedIn(person)
    const none = anonymous(await browser.get('/studies/nothing-of-the-kind/settings'))
    const noneSent = anonymous(await browser.post('/studies/nothing-of-the-kind/settings/facts', { _csrf }))
    const theirs = await writable(person)
    for (const { id } of facts.studies) {
      const isTheirs = theirs.has(id)
      t.equal((await browser.get(`/studies/${id}/settings`)).status, isTheirs ? 200 : 404, `${practitioner}: ${id}`)
      if (isTheirs) continue
      // Each of the pages is tried by somebody.
      turn += 1
      const shown = await browser.get(`/studies/${id}/settings${settings[turn % settings.length]}`)
      t.strictSame(anonymous(shown), none, `${practitioner}: ${id}`)
      const sent = { _csrf, version: '1', status: 'withdrawn', title: 'x', purpose: 'x' }
      const answer = await browser.post(`/studies/${id}/settings${forms[turn % forms.length]}`, sent)
      t.strictSame(anonymous(answer), noneSent, `${practitioner}: ${id}`)
    }
  }
  t.ok(turn > 2 * forms.length)
})

/** The studies that the person may read, and may write without a change. */
const writable = async (person: string): Promise<ReadonlySet<string>> => {
  const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })
  const written = new Set<string>()
  for (const id of await readable(person, 'ResearchStudy?_count=100')) {
    const stored = JSON.parse((await world.call('everything')('GET', `ResearchStudy/${id}`)).body)
    if ((await world.call(token)('PUT', `ResearchStudy/${id}`, stored)).status === 200) written.add(id)
  }
  return written
}

t.test('a patient and an account without anything find no page of a study', async t => {
  for (const person of ['person-ann', 'person-nobody'])
    for (const path of ['', '/settings', '/settings/text'])
      t.equal((await (await signedIn(person)).browser.get(`/studies/open${path}`)).status, 404, `${person}${path}`)
})
