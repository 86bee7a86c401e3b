import t from 'tap'
import type { Shown } from '../support/browser.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** What is shared with a clinician, or with an organization, is shown to those whom it reaches; for all others there is no such page. */
const world = await openNoLeakWorld()
const { server } = world
t.teardown(() => server.close())
t.setTimeout(120_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [
  status,
  body.replace(/this number: [\w-]+/, '').replaceAll(/name="_csrf" value="[^"]*"/g, ''),
]
const idOf = ({ to, patient }: facts.Consent) => `consent-${to.split('/')[1]}-${patient}`
const consents = facts.consents.map(idOf)

/** By MODEL: to the practitioner, or to the very organization in which they have a role. */
const reaches = ({ to }: facts.Consent, practitioner: string): boolean => {
  const [type, id] = to.split('/')
  if (type === 'Practitioner') return id === practitioner
  const isOf = (one: facts.Membership) => one.practitioner === practitioner && one.organization === id && !one.ended
  return type === 'Organization' && facts.memberships.some(isOf)
}
const listedIn = ({ body }: Shown) => [...body.matchAll(/href="\/shared\/([^"?]+)\?back=/g)].map(([, id = '']) => id)

t.test(
  'everybody sees what reaches them, in each order, and finds nobody by a name that is hidden from them',
  async t => {
    for (const practitioner of facts.practitioners) {
      const { browser, call } = await signedIn(`person-${practitioner}`)
      const given = facts.consents.filter(one => reaches(one, practitioner))
      const none = anonymous(await browser.get('/shared/nothing-of-the-kind'))
      t.equal(none[0], 404)
      for (const sort of ['name', 'newest', 'since', 'until'])
        t.same(listedIn(await browser.get(`/shared?sort=${sort}`)).toSorted(), given.map(idOf).toSorted(), practitioner)
      for (const id of consents) {
        const shown = await browser.get(`/shared/${id}`)
        if (given.some(one => idOf(one) === id)) t.equal(shown.status, 200, `${practitioner}: ${id}`)
        else t.strictSame(anonymous(shown), none, `${practitioner}: ${id}`)
      }
      for (const one of given) {
        const isKnown = (await call('GET', `Patient/${one.patient}`)).status === 200
        const name = `secret-${one.patient}`
        const shown = [await browser.get('/shared'), await browser.get(`/shared/${idOf(one)}`)]
        t.same(
          shown.map(({ body }) => body.includes(name)),
          [isKnown, isKnown],
          `${practitioner}: ${name}`,
        )
        t.equal(listedIn(await browser.get(`/shared?find=${name}`)).length > 0, isKnown, `${practitioner}: by ${name}`)
      }
    }
  },
)

t.test('a patient finds no such pages', async t => {
  const { browser } = await signedIn('person-ann')
  for (const page of ['/shared', ...consents.map(id => `/shared/${id}`)])
    t.equal((await browser.get(page)).status, 404, page)
})
