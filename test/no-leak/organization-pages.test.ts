import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { keepClient } from '../../src/storage/client-registration.ts'
import { addSmartClientConfig } from '../../src/storage/ehr/smart-client-config.ts'
import { openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import * as facts from './facts.ts'
import { openNoLeakWorld } from './world.ts'

/** Who looks after an organization is a manager there or above, and nobody else; each of them has an app and an EHR. */
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
/** Each at an address of their own, where so many pages are shown a minute. */
let address = 1
const signedIn = async (person: string) => {
  const browser = openBrowser(server, { remoteAddress: `10.2.0.${address++}` })
  const cookie = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
  browser.cookies.set('sharewell-session', cookie)
  return browser
}
/** Each answer has the number of its request. */
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]

t.test(
  'the apps and EHRs of an organization are there for who looks after it, and for others as if there were none',
  async t => {
    for (const { name, person } of people) {
      const browser = await signedIn(person)
      const listed = [...(await browser.get('/organizations')).body.matchAll(/href="\/organizations\/([^/"]+)\/apps"/g)]
      const own = facts.organizations.map(([id]) => id).filter(id => looksAfter(name, id))
      t.same(listed.map(([, id]) => id).sort(), own.toSorted(), `${name}: the list`)
      const none = anonymous(await browser.get('/organizations/nothing-of-the-kind/apps'))
      for (const [id] of facts.organizations) {
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
  },
)

t.test('what is another organization’s is not there below one’s own address', async t => {
  const browser = await signedIn('person-visitor')
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

t.test('nobody is led to the page without signing in', async t => {
  for (const page of ['/organizations', '/organizations/lab/apps', `/organizations/lab/ehrs/${ehrs.get('lab')}`]) {
    const location = `/sign-in?continue=${encodeURIComponent(page)}`
    t.match(await openBrowser(server).get(page), { status: 303, location, body: '' })
  }
})
