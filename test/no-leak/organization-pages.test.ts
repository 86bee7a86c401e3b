import t, { type Test } from 'tap'
import { keepClient } from '../../src/storage/authorization/client-registration.ts'
import { addSmartClientConfig } from '../../src/storage/ehr/smart-client-config.ts'
import { makeStaffInvitation } from '../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../src/storage/sql.ts'
import * as w from '../storage/model/world.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** Only a manager there or above looks after an organization. Each organization has an app and an EHR. */
const world = await openNoLeakWorld()
const { server, database } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const ehrs = new Map<string, string>()
for (const [organization] of facts.organizations) {
  await keepClient(database, {
    id: `app-of-${organization}`,
    name: `secret-app-of-${organization}`,
    organization,
    policies: [],
    scope: '',
    selfRegistered: false,
    metadata: {
      redirect_uris: ['https://app.example.org/back'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  })
  const id = await addSmartClientConfig(database, {
    issuer: `https://ehr-of-${organization}.example.org/fhir`,
    organization,
    clientId: `secret-client-of-${organization}`,
    authentication: 'none',
    scope: 'openid',
    requiresNonce: true,
    enabled: true,
    frameOrigins: [],
  })
  ehrs.set(organization, id ?? '')
}

const parentOf = new Map(facts.organizations.map(([id, parent]) => [id, parent]))
const ancestorsOf = (organization: string): readonly string[] => {
  const parent = parentOf.get(organization)
  return [organization, ...(parent === undefined ? [] : ancestorsOf(parent))]
}
const looksAfter = (practitioner: string, organization: string): boolean =>
  facts.memberships.some(
    one =>
      one.practitioner === practitioner &&
      one.role === 'manager' &&
      !one.ended &&
      ancestorsOf(organization).includes(one.organization),
  )

const people = [
  ...facts.practitioners.map(id => ({ name: id, person: `person-${id}` })),
  { name: 'ann', person: 'person-ann' },
]
const signedIn = openSignedIn(world)
/** Each answer has the number of its request. */
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]

t.test('the apps and EHRs of an organization exist for those who look after it; for others there are none', async t => {
  for (const [place, { name, person }] of people.entries()) {
    const { browser } = await signedIn(person)
    const own = facts.organizations.map(([id]) => id).filter(id => looksAfter(name, id))
    const none = anonymous(await browser.get('/organizations/nothing-of-the-kind/apps'))
    for (const [id] of todays(facts.organizations, 3, place)) {
      const pages = [`apps/app-of-${id}`, 'apps', 'apps/new', 'ehrs', 'ehrs/new', `ehrs/${ehrs.get(id)}`]
      for (const page of pages) {
        const shown = await browser.get(`/organizations/${id}/${page}`)
        if (own.includes(id)) t.equal(shown.status, 200, `${name}: ${id}/${page}`)
        else t.strictSame(anonymous(shown), none, `${name}: ${id}/${page}`)
        const told = [...shown.body.matchAll(/secret-(?:app|client)-of-([a-z]+)/g)].map(([, of]) => of)
        t.same(
          [...new Set(told)].filter(of => of !== id),
          [],
          `${name}: ${id}/${page} tells of no other`,
        )
      }
    }
  }
})

/** Everything that is sent is invalid, so that nothing comes of it. The status says why it is refused if it may be sent. */
const actions = [
  ['new', 422, looksAfter],
  ['change', 422, (name: string, id: string) => changes(name, id)],
  ['move', 422, (name: string, id: string) => changes(name, id) && parentOf.get(id) !== undefined],
  ['close', 409, (name: string, id: string) => changes(name, id)],
  ['open', 409, (name: string, id: string) => changes(name, id)],
] as const
const changes = (practitioner: string, organization: string): boolean => {
  const parent = parentOf.get(organization)
  return looksAfter(practitioner, organization) && (parent === undefined || looksAfter(practitioner, parent))
}
const wrong = { name: '', parent: '', version: '0' }

/** One of each kind: managers at the top and below, of another tenant, and of earlier; a member; and somebody who is none of these. */
const some = new Set(['dean', 'neighbour', 'visitor', 'former', 'registrar', 'ann'])

/** Somebody who tries pages by opening them and by sending forms. */
const trying = async (t: Test, { name, person }: (typeof people)[number]) => {
  const { browser, _csrf } = await signedIn(person)
  const none = anonymous(await browser.get('/organizations/nothing-of-the-kind'))
  const sent = (at: string) => browser.post(at, { _csrf, ...wrong })
  const noneSent = anonymous(await sent('/organizations/nothing-of-the-kind/change'))
  const isNone = (at: string, answers: readonly Shown[], expected = [none]) =>
    t.strictSame(answers.map(anonymous), expected, `${name}: ${at}`)
  return {
    get: browser.get,
    isNone,
    sendsNothing: async (at: string, fields = {}) =>
      isNone(at, [await browser.post(at, { _csrf, ...wrong, ...fields })], [noneSent]),
    /** Undefined: there is no such page for them. */
    isRefused: async (at: string, status: number | undefined) => {
      const answers = [await browser.get(at), await sent(at)]
      if (status === undefined) return isNone(at, answers, [none, noneSent])
      const found = answers.map(one => one.status)
      return t.strictSame(found, [200, status], `${name}: ${at}`)
    },
  }
}

t.test('whoever FHIR allows makes and changes an organization; for others there is no such page', async t => {
  for (const one of people.filter(({ name }) => some.has(name))) {
    const { isRefused } = await trying(t, one)
    await isRefused('/organizations/new', undefined)
    for (const [id] of facts.organizations)
      for (const [action, refusal, may] of actions)
        await isRefused(`/organizations/${id}/${action}`, may(one.name, id) ? refusal : undefined)
  }
})

t.test('only administrators change sources and see the system', async t => {
  for (const one of people.filter(({ name }) => some.has(name))) {
    const { get, isNone, isRefused, sendsNothing } = await trying(t, one)
    for (const page of ['/devices/new', '/devices/acme', '/devices/nothing']) await isRefused(page, undefined)
    for (const page of ['/devices/acme/retire', '/devices/acme/restore', '/system/retry']) await sendsNothing(page)
    for (const page of ['/system', '/system/apps', '/system/apps/nothing', '/system/administrators'])
      isNone(page, [await get(page)])
    await isRefused('/system/administrators/nothing', undefined)
    for (const action of ['disable', 'enable', 'records-consent']) await sendsNothing(`/system/apps/nothing/${action}`)
  }
})

t.test('whoever FHIR allows changes and removes a role, and never the one who has it', async t => {
  for (const one of people.filter(({ name }) => some.has(name))) {
    const { get, isNone, isRefused } = await trying(t, one)
    for (const { practitioner, organization } of facts.memberships) {
      const may = looksAfter(one.name, organization) && practitioner !== one.name
      const role = `people/${practitioner}-${organization}`
      await isRefused(`/organizations/${organization}/${role}`, may ? 422 : undefined)
      await isRefused(`/organizations/${organization}/${role}/remove`, may ? 409 : undefined)
      const elsewhere = `/organizations/${parentOf.get(organization) ?? 'bench'}/${role}`
      isNone(elsewhere, [await get(elsewhere)])
    }
  }
})

const seesInvitation = async (
  t: Test,
  { name, get, isNone, isRefused, sendsNothing }: { readonly name: string } & Awaited<ReturnType<typeof trying>>,
  { organization, id }: { readonly organization: string; readonly id: string },
) => {
  const may = looksAfter(name, organization)
  const at = `/organizations/${organization}`
  await isRefused(`${at}/people/invite`, may ? 422 : undefined)
  const shown = await get(`${at}/people`)
  t.equal(shown.body.includes(`secret-of-${organization}`), may, `${name}: who is invited to ${organization}`)
  if ((await get(at)).status === 404) isNone(`${at}/people`, [shown])
  if (may) return
  for (const action of ['again', 'cancel']) await sendsNothing(`${at}/invitations/${id}/${action}`)
  for (const role of ['viewer', 'privacy-officer'])
    await sendsNothing(`${at}/people/invite`, { email: 'friend@example.org', role })
}

t.test('whoever FHIR allows to give roles invites people, and is shown who is invited', async t => {
  const invited = await Promise.all(
    facts.organizations.map(async ([organization]) => {
      const [id, email] = [`of-${organization}`, `secret-of-${organization}@example.org`]
      const asked = { id, organization, role: 'viewer', email, inviter: 'person-dean', days: 7 } as const
      t.equal(await makeStaffInvitation(database, asked), true)
      return { organization, id }
    }),
  )
  for (const one of people.filter(({ name }) => some.has(name))) {
    const tries = await trying(t, one)
    for (const each of invited) await seesInvitation(t, { name: one.name, ...tries }, each)
  }
  const open = await database.any(sql.fragment`SELECT FROM staff_invitation WHERE ended_at IS NULL`)
  t.equal(open.length, facts.organizations.length, 'nothing came of it')
})

t.test('the tree and the page of an organization show staff what FHIR shows them', async t => {
  for (const { name, person } of people) {
    const { browser } = await signedIn(person)
    const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/Organization.rs' })
    const read = async (id: string) => (await world.call(token)('GET', `Organization/${id}`)).status === 200
    const tree = await browser.get('/organizations')
    const listed = [...tree.body.matchAll(/href="\/organizations\/([^/"?]+)"/g)].map(([, id]) => id)
    const none = anonymous(await browser.get('/organizations/nothing-of-the-kind'))
    for (const [id] of facts.organizations) {
      const isShown = name !== 'ann' && (await read(id))
      t.equal(listed.includes(id), isShown, `${name}: ${id} in the tree`)
      const shown = await browser.get(`/organizations/${id}`)
      if (isShown) t.equal(shown.status, 200, `${name}: ${id}`)
      else t.strictSame(anonymous(shown), none, `${name}: ${id}`)
    }
  }
})

/** What a list says of each, in no order. */
const listedAt = async (browser: Browser, address: string, item: RegExp): Promise<readonly string[]> => {
  const { status, body } = await browser.get(address)
  t.equal(status, 200, address)
  return [...body.matchAll(item)].map(([one]) => one.replaceAll(/\?[^"]*"/g, '"')).toSorted()
}

t.test('in no order does the tree, or the list of people, show anything else', async t => {
  let count = 0
  for (const { name, person } of people.filter(({ name }) => name !== 'ann')) {
    const { browser } = await signedIn(person)
    const organizations = (sort: string) =>
      listedAt(browser, `/organizations?sort=${sort}`, /href="\/organizations\/[^/"?]+"/g)
    const usual = await organizations('name')
    for (const sort of ['type', 'made']) t.same(await organizations(sort), usual, `${name}: by ${sort}`)
    for (const organization of usual.map(href => href.split('"')[1])) {
      const members = (sort: string) =>
        listedAt(browser, `${organization}/people?sort=${sort}`, /<h2>[^\n]*<\/h2>\n<p>[^\n]*/g)
      const byName = await members('name')
      count += byName.length
      for (const sort of ['role', 'since', 'changed'])
        t.same(await members(sort), byName, `${name}: ${organization} by ${sort}`)
    }
  }
  t.ok(count > 0)
})

t.test('what belongs to another organization does not exist below one’s own address', async t => {
  const { browser } = await signedIn('person-visitor')
  const own = '/organizations/elsewhere'
  for (const [theirs, nothing] of [
    [`${own}/apps/app-of-lab`, `${own}/apps/nothing`],
    [`${own}/ehrs/${ehrs.get('lab')}`, `${own}/ehrs/nothing`],
  ] as const) {
    const shown = anonymous(await browser.get(theirs))
    t.equal(shown[0], 404)
    t.strictSame(shown, anonymous(await browser.get(nothing)))
  }
  t.match(wordsOf(await browser.get(`${own}/apps`)), 'secret-app-of-elsewhere')
})

t.test('an organization can be moved to where they manage in its own tree, and to no other place', async t => {
  for (const organization of ['department', 'elsewhere']) {
    const role = w.role('nobody', organization, 'manager')
    const { status } = await world.everything('PUT', `PractitionerRole/${role.id}`, role)
    t.equal(status, 201, 'somebody manages two parts of a tree')
  }
  const movers = [
    ['dean', (id: string) => looksAfter('dean', id)],
    ['nobody', (id: string) => id === 'elsewhere' || ancestorsOf(id).includes('department')],
  ] as const
  for (const [name, manages] of movers) {
    const { browser, _csrf } = await signedIn(`person-${name}`)
    for (const [id, parent] of facts.organizations) {
      const at = `/organizations/${id}/move`
      const shown = await browser.get(at)
      if (parent === undefined || !manages(parent)) {
        t.equal(shown.status, 404, `${name}: ${id} stays`)
        continue
      }
      const inTree = (one: string) => ancestorsOf(one).at(-1) === ancestorsOf(id).at(-1)
      const isPlace = (one: string) => manages(one) && inTree(one) && !ancestorsOf(one).includes(id)
      const all = facts.organizations.map(([one]) => one)
      const choices = [...shown.body.matchAll(/<option value="([^"]*)"/g)].map(([, one = '']) => one)
      t.same(new Set(choices), new Set(all.filter(isPlace)), `${name}: where ${id} may go`)
      const version = /name="version" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
      for (const to of all.filter(one => !isPlace(one))) {
        const sent = await browser.post(at, { _csrf, version, parent: to })
        const unknown = await browser.post(at, { _csrf, version, parent: 'nothing-of-the-kind' })
        t.equal(sent.status, 422, `${name}: ${id} does not go to ${to}`)
        t.equal(wordsOf(sent), wordsOf(unknown), `${name}: ${to} looks as if it did not exist`)
      }
      const { partOf } = JSON.parse((await world.everything('GET', `Organization/${id}`)).body)
      t.equal(partOf.reference, `Organization/${parent}`, `${name}: ${id} is where it was`)
    }
  }
})

t.test('nobody gets to the page without signing in', async t => {
  for (const page of ['/organizations', '/organizations/lab/apps', `/organizations/lab/ehrs/${ehrs.get('lab')}`]) {
    const location = `/sign-in?continue=${encodeURIComponent(page)}`
    t.match(await openBrowser(server).get(page), { status: 303, location, body: '' })
  }
})
