import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { type Browser, wordsOf } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** That a record lacks an address, or that a message failed, is told to those alone who may invite its patient, and so would be told it then. No record of this world has one. */
const world = await openNoLeakWorld(undefined, { SMTP_URL: 'log' })
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const notes = { unreached: /No message can reach/, failed: /The last message to/ } as const
/** Beside a person stands another word. */
const told = /No message can reach|The last message to|The mail server refused it/
const placesIn = (study: string) => facts.enrolments.filter(one => one.study === study)
const studies = facts.studies.filter(({ id }) => placesIn(id).length > 0)

/** The answers to whoever asks for each list, and the words of the pages that lead there. */
const askedBy = async (browser: Browser, study: string, subject: string) => {
  const page = `/studies/${study}`
  const lists = await Promise.all(
    Object.keys(notes).map(filter => browser.get(`${page}/invitations?invited=${filter}`)),
  )
  const shown = await Promise.all([page, `${page}/people/${subject}`].map(one => browser.get(one)))
  return { statuses: lists.map(({ status }) => status), words: shown.map(wordsOf).join(' ') }
}

t.test(
  'whom no message can reach, or has reached, is told to whoever may write their enrolments, and to nobody else',
  async t => {
    await world.database.run(sql.fragment`
      INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason, ended_at)
      SELECT 'failed-' || id, 'reminder', patient, id, study_id, 'email', 'old@example.org', 'failed', 'The mail server refused it', now()
      FROM enrolment`)
    let known = ''
    for (const [place, practitioner] of facts.practitioners.entries()) {
      const person = `person-${practitioner}`
      const { browser } = await signedIn(person)
      const call = world.call(await world.token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' }))
      for (const { id: study } of todays(studies, 3, place)) {
        const subject = `${study}-${placesIn(study)[0]?.patient}`
        const stored = JSON.parse((await world.everything('GET', `ResearchSubject/${subject}`)).body)
        const { status } = await call('PUT', `ResearchSubject/${subject}`, stored)
        const { statuses, words } = await askedBy(browser, study, subject)
        const who = `${practitioner}: ${study}`
        t.same(statuses, status === 200 ? [200, 200] : [404, 404], who)
        if (status === 200) known += words
        else t.notMatch(words, told, who)
      }
    }
    for (const note of Object.values(notes)) t.match(known, note, 'somebody is told')
  },
)
