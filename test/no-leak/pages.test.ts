import t from 'tap'
import { keepClient } from '../../src/storage/authorization/client-registration.ts'
import { authorizeQuery, base, pkce, redirectUri } from '../auth/world.ts'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import { callers } from './callers.ts'
import { practitioners } from './facts.ts'
import { secretsOf } from './secrets.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** Pages read as whoever is signed in: nobody sees more there than with a token for everything that they may read. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
await keepClient(world.database, {
  id: 'app',
  name: 'App',
  policies: [],
  scope: '',
  selfRegistered: false,
  metadata: {
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
})
const patients = secretsOf(world).filter(({ type }) => type === 'Patient')
const unknown = 'nothing-of-the-kind'

const signedIn = openSignedIn(world)

/** Everybody who can sign in, by the name of their row, and which of the Patients they may read. */
const people = [...practitioners.map(id => [id, `person-${id}`] as const), ['person-ann', 'person-ann'] as const].map(
  ([name, person]) => {
    const row = callers.find(one => one.name === name)
    if (row === undefined) throw new Error(`${name} is no caller`)
    return { name, person, reads: patients.filter(one => one.isReadBy(row)).map(({ id }) => id) }
  },
)

t.test('the page of a patient exists for those who may read the Patient; for others there is none', async t => {
  const page = (id: string) => `/patients/${id}`
  for (const [place, { name, person, reads }] of people.entries()) {
    const { browser } = await signedIn(person)
    const none = wordsOf(await browser.get(page(unknown)))
    for (const { id } of todays(patients, 3, place)) {
      const shown = await browser.get(page(id))
      if (reads.includes(id)) t.match(shown, { status: 200, body: new RegExp(`secret-${id}`) }, `${name}: ${id}`)
      else t.strictSame([shown.status, anonymous(wordsOf(shown))], [404, anonymous(none)], `${name}: ${id}`)
    }
  }
  const nobody = await openBrowser(world.server).get(page('ann'))
  t.match(
    nobody,
    { status: 303, location: '/sign-in?continue=%2Fpatients%2Fann', body: '' },
    'nor for somebody who is not signed in',
  )
})

t.test('an app is offered only patients whom the person may search, and no other is accepted', async t => {
  for (const [place, { name, person, reads }] of people.entries()) {
    const { browser } = await signedIn(person)
    const query = authorizeQuery('app', 'launch/patient patient/Patient.rs', pkce().challenge)
    const { location = '' } = await browser.get(`/oauth/authorize?${query}`)
    const page = location.slice(base.length)
    const shown = await browser.get(page)
    t.equal(shown.status, 200, name)
    const secret = new Set(patients.map(({ id }) => id))
    const offered = [...shown.body.matchAll(/name="patient" value="([^"]*)"/g)].map(([, id = '']) => id)
    // Somebody who is one patient has no choice.
    const expected = name === 'person-ann' ? [] : reads
    t.strictSame(offered.filter(id => secret.has(id)).sort(), expected.toSorted(), name)

    const decision = { decision: 'allow', scope: ['launch/patient', 'patient/Patient.rs'], person }
    const refused = async (patient: string) => {
      const answer = await browser.send(page, { ...decision, patient }, page)
      return [answer.status, anonymous(wordsOf(answer))]
    }
    const hidden = patients.filter(one => !reads.includes(one.id))
    for (const { id } of todays(hidden, 5, place))
      t.strictSame(await refused(id), [403, (await refused(unknown))[1]], `${name}: ${id}`)
    const byName = await browser.send(page, { decision: 'find', name: 'secret-', person }, page)
    const found = [...byName.body.matchAll(/name="patient" value="([^"]*)"/g)].map(([, id = '']) => id)
    t.strictSame(found.filter(id => secret.has(id)).sort(), expected.toSorted(), `${name}: by name`)
  }
})

/** Each answer has the number of its request. */
const anonymous = (words: string): string => words.replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'NUMBER')
