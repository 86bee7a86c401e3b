import t from 'tap'
import { wordsOf } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** That a record lacks an address is told to those alone who may invite its patient, and so would be told it then. No record of this world has one. */
const world = await openNoLeakWorld(undefined, { SMTP_URL: 'log' })
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const told = /No message can reach/
const placesIn = (study: string) => facts.enrolments.filter(one => one.study === study)

t.test('whom no message can reach is told to whoever may write their enrolments, and to nobody else', async t => {
  let mayKnow = 0
  for (const [place, practitioner] of facts.practitioners.entries()) {
    const person = `person-${practitioner}`
    const { browser } = await signedIn(person)
    const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })
    const studies = facts.studies.filter(({ id }) => placesIn(id).length > 0)
    for (const { id: study } of todays(studies, 3, place)) {
      const [{ patient = '' } = {}] = placesIn(study)
      const { body } = await world.everything('GET', `ResearchSubject/${study}-${patient}`)
      const { status } = await world.call(token)('PUT', `ResearchSubject/${study}-${patient}`, JSON.parse(body))
      const list = await browser.get(`/studies/${study}/invitations?invited=unreached`)
      const pages = [`/studies/${study}`, `/studies/${study}/people/${study}-${patient}`]
      const shown = await Promise.all(pages.map(page => browser.get(page)))
      if (status === 200) {
        t.equal(list.status, 200, `${practitioner}: the list of ${study}`)
        mayKnow += shown.filter(one => told.test(wordsOf(one))).length
      } else {
        t.equal(list.status, 404, `${practitioner}: the list of ${study}`)
        for (const one of shown) t.notMatch(wordsOf(one), told, `${practitioner}: ${study}`)
      }
    }
  }
  t.ok(mayKnow > 0, 'somebody is told')
})
