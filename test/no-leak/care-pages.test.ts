import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import * as facts from './facts.ts'
import { addPatientAccounts } from './own-studies.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/**
 * Whoever is named in a Consent can be read by its patient. So a patient who knows an id learns one name by it, without anything being written; and
 * nobody learns what others share, or with whom.
 */
const world = await openNoLeakWorld()
const { server, database, token, call } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const patients = await addPatientAccounts(world)
const anonymous = ({ status, body }: Shown) => [
  status,
  body.replace(/this number: [\w-]+/, '').replaceAll(/name="_csrf" value="[^"]*"/g, ''),
]
const carers = [
  ...facts.practitioners.map(id => ({ kind: 'practitioner', id })),
  ...facts.organizations.map(([id]) => ({ kind: 'organization', id })),
]
const givenBy = (patient: string, { kind, id }: (typeof carers)[number]) =>
  facts.consents.some(
    one => one.patient === patient && one.to.toLowerCase() === `${kind}/${id}` && one.status !== 'proposed',
  )
const consentCount = async () =>
  (await database.one<{ count: number }>(sql.fragment`SELECT count(*)::integer AS count FROM consent`)).count

t.test(
  'a patient who knows the id of a practitioner or an organization reads its name, and nothing else of it',
  async t => {
    const before = await consentCount()
    for (const person of ['person-ann', 'person-kim', 'person-jon']) {
      const { browser } = await signedIn(person)
      const patient = person.replace('person-', '')
      for (const carer of carers) {
        const page = `/sharing/with/${carer.kind}/${carer.id}`
        const shown = await browser.get(page)
        const words = wordsOf(shown)
        t.equal(shown.status, 200, `${person}: ${page}`)
        const [, said = ''] = /Who it is (.*?) Who could see it/.exec(words) ?? []
        t.match(said, carer.kind === 'organization' ? /^\S.*$/ : carer.id, `${person}: ${page}`)
        t.notMatch(said, 'Works at', `${person}: ${page}`)
        t.notMatch(shown.body, new RegExp(`secret-(?!${patient}\\b)`), `${person}: ${page}`)
        t.equal(
          /You share (data|nothing) with|You have signed/.test(words),
          givenBy(patient, carer),
          `${person}: ${page}`,
        )
        t.equal(
          (await browser.get(`${page}/copy`)).status === 200,
          givenBy(patient, carer),
          `${person}: a copy of ${page}`,
        )
      }
    }
    t.equal(await consentCount(), before, 'nothing is written by looking')
  },
)

t.test('whoever is unknown cannot be told from whoever may not be seen, and staff find nobody at all', async t => {
  for (const person of ['person-ann', ...facts.practitioners.map(id => `person-${id}`)]) {
    const { browser, _csrf } = await signedIn(person)
    const none = anonymous(await browser.get('/sharing/with/practitioner/nothing-of-the-kind'))
    const noneSent = anonymous(await browser.post('/sharing/with/practitioner/nothing-of-the-kind', { _csrf }))
    t.same([none[0], noneSent[0]], [404, 404])
    const asked = person === 'person-ann' ? [{ kind: 'organization', id: 'nothing' }] : carers
    for (const { kind, id } of asked) {
      const page = `/sharing/with/${kind}/${id}`
      t.strictSame(anonymous(await browser.get(page)), none, `${person}: ${page}`)
      for (const action of ['', '/sign', '/decline'])
        t.strictSame(
          anonymous(await browser.post(`${page}${action}`, { _csrf })),
          noneSent,
          `${person}: ${page}${action}`,
        )
      t.equal((await browser.get(`${page}/copy`)).status, 404, `${person}: a copy of ${page}`)
    }
    t.equal((await browser.get('/sharing/with')).status, person === 'person-ann' ? 200 : 404, person)
  }
})

t.test('what a patient can begin with is what their own records name, and FHIR shows them as well', async t => {
  for (const [person, [patient = '']] of patients) {
    const { browser } = await signedIn(person)
    const own = call(await token({ subject: { kind: 'patient', patient }, scope: 'user/*.rs' }))
    const { body } = await browser.get('/sharing/with')
    const listed = [...body.matchAll(/<a href="\/sharing\/with\/(\w+)\/([\w-]+)"/g)].map(
      ([, kind, id]) => `${kind}/${id}`,
    )
    const found = async (type: string) =>
      (JSON.parse((await own('GET', `${type}?_count=100`)).body).entry ?? []).map(
        ({ resource }: { resource: { id: string } }) => `${type.toLowerCase()}/${resource.id}`,
      )
    const known = [...(await found('Organization')), ...(await found('Practitioner'))]
    t.same(
      listed.filter(one => !known.includes(one)),
      [],
      person,
    )
    t.same(
      (await found('Organization')).filter((one: string) => !listed.includes(one)),
      [],
      person,
    )
  }
})

/** Shares heart rates from a day on, as the page of whoever it is offers it. */
const giveHearts = async (browser: Browser, page: string, day: string) => {
  const { body } = await browser.get(page)
  const radios = [...body.matchAll(/<input [^>]*type="radio" [^>]*name="([^"]*)"/g)].map(([, name = '']) => [
    name,
    'no',
  ])
  const hearts = `${facts.heartRate}@any`
  const chosen = { ...Object.fromEntries(radios), [hearts]: 'yes', [`${hearts}-from`]: day }
  const shown = await browser.send(page, chosen, page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(shown.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
  return { shown, sign: () => browser.post(`${page}/sign`, { ...hidden, name: 'secret-ann' }) }
}

t.test('what is signed is read by those who were shown, as much as was told, and by nobody else', async t => {
  const { browser } = await signedIn('person-ann')
  const readers = await Promise.all(
    facts.practitioners.map(async practitioner => {
      const bearer = await token({ subject: { kind: 'user', person: `person-${practitioner}` }, scope: 'user/*.rs' })
      return { practitioner, ask: call(bearer) }
    }),
  )
  const readNow = async () =>
    new Map(
      await Promise.all(
        readers.map(async ({ practitioner, ask }) => {
          const { body } = await ask('GET', 'Observation?subject=Patient/ann&_count=1000')
          const ids = (JSON.parse(body).entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id)
          return [practitioner, ids as readonly string[]] as const
        }),
      ),
    )
  const worksAt = (organization: string) =>
    facts.memberships.filter(one => one.organization === organization && !one.ended).map(one => one.practitioner)
  for (const [kind, id, people] of [
    ['practitioner', 'nobody', ['nobody']],
    ['organization', 'annex', worksAt('annex')],
    ['organization', 'elsewhere', worksAt('elsewhere')],
  ] as const) {
    const page = `/sharing/with/${kind}/${id}`
    const before = await readNow()
    const { shown, sign } = await giveHearts(browser, page, '2020-01-01')
    t.same(await readNow(), before, `${page}: the preview gives nothing`)
    const [, told] = /So far there (?:is|are) (\d+) reading/.exec(wordsOf(shown)) ?? []
    t.equal((await sign()).status, 303, page)
    const after = await readNow()
    for (const { practitioner } of readers) {
      const more = after.get(practitioner)?.filter(one => !before.get(practitioner)?.includes(one)) ?? []
      const isRead = people.some(one => one === practitioner)
      t.equal(more.length, isRead ? Number(told) : 0, `${page}: ${practitioner}`)
    }
    const { body } = await browser.get(page)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await browser.post(`${page}/decline`, { _csrf })).status, 303)
    t.same(await readNow(), before, `${page}: once it is stopped`)
  }
})

t.test('somebody who is not signed in is sent to sign-in, and reads nothing of it', async t => {
  const nobody = openBrowser(server)
  for (const { kind, id } of carers.slice(0, 3)) {
    const location = `/sign-in?continue=%2Fsharing%2Fwith%2F${kind}%2F${id}`
    t.match(await nobody.get(`/sharing/with/${kind}/${id}`), { status: 303, location, body: '' })
  }
})
