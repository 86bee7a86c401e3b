import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import type { Shown } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** Whoever may write the enrolment with FHIR may invite, and only the patient is asked what is asked of a patient. */
const world = await openNoLeakWorld()
const { server, database } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [
  status,
  body.replace(/this number: [\w-]+/, '').replaceAll(/name="_csrf" value="[^"]*"/g, ''),
]
const subjects = facts.enrolments.map(({ patient, study }) => ({ id: `${study}-${patient}`, patient, study }))

t.test('whoever may write the enrolment makes, ends and shows an invitation; others find nobody', async t => {
  for (const [place, practitioner] of facts.practitioners.entries()) {
    const person = `person-${practitioner}`
    const { browser, _csrf } = await signedIn(person)
    const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })
    const post = async (study: string, subject: string, action: string) =>
      browser.post(`/studies/${study}/people/${subject}/${action}`, { _csrf })
    for (const { id, study } of todays(subjects, 3, place)) {
      const { body } = await world.everything('GET', `ResearchSubject/${id}`)
      const { status } = await world.call(token)('PUT', `ResearchSubject/${id}`, JSON.parse(body))
      const none = anonymous(await post(study, 'nothing-of-the-kind', 'invite'))
      t.equal(none[0], 404)
      const mayInvite = status === 200
      for (const action of ['invite', 'code', 'cancel']) {
        const shown = await post(study, id, action)
        // Records of this world have no address. Only people who may invite are told so.
        if (mayInvite) t.ok([422, 303].includes(shown.status), `${practitioner}: ${action} ${id}`)
        else t.strictSame(anonymous(shown), none, `${practitioner}: ${action} ${id}`)
        t.notMatch(shown.body, /secret-/, 'nothing of the record is shown')
        const mixed = await post(study, `${id},nothing-of-the-kind`, action)
        t.strictSame(anonymous(mixed), none, `${practitioner}: ${action} ${id} together with another`)
      }
    }
  }
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM invitation`), undefined)
})

t.test('a study asks only its own people, and each sees only their own answers', async t => {
  for (const person of [...facts.practitioners.map(id => `person-${id}`), 'person-ann']) {
    const { browser, _csrf } = await signedIn(person)
    const none = anonymous(await browser.get('/sharing/nothing-of-the-kind'))
    const isAsked = (study: string) => person === 'person-ann' && subjects.some(({ id }) => id === `${study}-ann`)
    for (const { id } of facts.studies.filter(one => isAsked(one.id)))
      t.equal((await browser.get(`/sharing/${id}`)).status, 200, `${person}: ${id}`)
    for (const { id } of facts.studies.filter(one => !isAsked(one.id))) {
      t.strictSame(anonymous(await browser.get(`/sharing/${id}`)), none, `${person}: ${id}`)
      t.equal((await browser.get(`/sharing/${id}/copy`)).status, 404, `${person}: the copy of ${id}`)
      for (const action of ['', '/sign', '/decline'])
        t.equal((await browser.post(`/sharing/${id}${action}`, { _csrf })).status, 404, `${person}: ${id}${action}`)
    }
    const all = await browser.get('/sharing')
    t.equal(all.body.includes('name="stop"'), person === 'person-ann', `${person}: what they share`)
  }
})

t.test('somebody downloads their own record, and nothing of anybody else', async t => {
  for (const person of [...facts.practitioners.map(id => `person-${id}`), 'person-ann', 'person-pat']) {
    const { browser } = await signedIn(person)
    const { body } = await browser.get('/account/data/fhir.ndjson')
    const found = body.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
    const isOwn = (patient: string) => facts.isOneHuman(patient, person.replace(/^person-/, ''))
    const uploaded = isOwn('pat') ? world.uploaded.ofPat : []
    const ids = (type: string) => found.filter(one => one.resourceType === type).map(({ id }) => id)
    t.strictSame(
      ids('Observation').toSorted(),
      [...facts.observations.flatMap(({ id, patient }) => (isOwn(patient) ? [id] : [])), ...uploaded].toSorted(),
      `${person}: readings`,
    )
    t.ok(ids('Patient').every(isOwn), `${person}: records`)
    const conditions = found.filter(({ resourceType }) => resourceType === 'Condition')
    t.ok(
      conditions.every(({ subject }) => isOwn(subject.reference.replace('Patient/', ''))),
      `${person}: conditions`,
    )
    for (const file of ['readings.csv', 'open-mhealth.json']) {
      const taken = (await browser.get(`/account/data/${file}`)).body
      for (const { id } of facts.observations.filter(({ patient }) => !isOwn(patient)))
        t.notMatch(taken, new RegExp(`,${id}\\r`), `${person}: ${file} without ${id}`)
    }
  }
})
