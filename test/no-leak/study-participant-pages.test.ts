import type { ResearchSubject } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { namedId } from '../../src/fhir/reference.ts'
import type { Shown } from '../support/browser.ts'
import { todays } from '../support/turn.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** The page of somebody in a study exists for whoever may read their place there with FHIR, and shows what that study may see. */
const world = await openNoLeakWorld()
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]
/** Manages an organization above that of most studies, and has no page about the people in them. */
const fromAbove = 'dean'
const subjects: readonly ResearchSubject[] = JSON.parse(
  (await world.everything('GET', 'ResearchSubject?_count=1000')).body,
).entry.map(({ resource }: { readonly resource: object }) => resource)

const found = async (person: string, path: string, study?: string): Promise<readonly string[]> => {
  const narrowed = study === undefined ? {} : { study }
  const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.rs', ...narrowed })
  const { status, body } = await world.call(token)('GET', path)
  const { entry = [] } = status === 200 ? JSON.parse(body) : {}
  return entry.map(({ resource }: { readonly resource: { readonly id: string } }) => resource.id)
}

type Seen = {
  readonly what: string
  readonly hasData: boolean
  readonly mayHaveData: boolean
  /** What tells who somebody is, though the reader may not know it there. */
  readonly tells: readonly string[]
}

type Opened = {
  readonly person: string
  readonly study: facts.Study
  readonly subject: ResearchSubject
  /** The Patients whom the reader may read. */
  readonly names: ReadonlySet<string>
  readonly what: string
}

const seenOn = async ({ status, body }: Shown, { person, study, subject, names, what }: Opened): Promise<Seen> => {
  const patient = namedId(subject.individual, 'Patient') ?? ''
  const path = `Observation?patient=${patient}&date=le${new Date().toISOString()}`
  const readings = await found(person, path, study.id)
  const mayBeNamed = study.identity === 'identified' && names.has(patient)
  const telling = new RegExp(`secret-|/patients/|Patient/|"${patient}"`, 'g')
  return {
    what,
    hasData: status === 200 && !/You see no measurement of theirs|Nobody reads anything for this study/.test(body),
    mayHaveData: readings.length > 0,
    tells: mayBeNamed ? [] : (body.match(telling) ?? []),
  }
}

/** What the practitioner sees of everybody in the studies; whose place they may not read has no page for them. */
const opened = async (t: Test, practitioner: string, studies: readonly facts.Study[]): Promise<readonly Seen[]> => {
  const person = `person-${practitioner}`
  const { browser } = await signedIn(person)
  const none = anonymous(await browser.get('/studies/nothing-of-the-kind/people/nobody'))
  const names = new Set(await found(person, 'Patient?_count=100'))
  const seen: Seen[] = []
  for (const study of studies) {
    const path = `ResearchSubject?study=ResearchStudy/${study.id}&_count=100`
    const theirs = practitioner === fromAbove ? [] : await found(person, path)
    for (const subject of subjects) {
      const shown = await browser.get(`/studies/${study.id}/people/${subject.id}`)
      const what = `${practitioner}: ${subject.id} in ${study.id}`
      if (theirs.includes(subject.id ?? '')) seen.push(await seenOn(shown, { person, study, subject, names, what }))
      else t.strictSame(anonymous(shown), none, what)
    }
  }
  return seen
}

t.test('somebody in a study has a page for whoever may read their place, of what the study may see', async t => {
  const seen: Seen[] = []
  for (const [place, practitioner] of facts.practitioners.entries())
    seen.push(...(await opened(t, practitioner, todays(facts.studies, 3, place))))
  for (const { what, hasData, mayHaveData, tells } of seen) {
    t.equal(hasData, mayHaveData, `${what}: what they share`)
    t.same(tells, [], `${what}: who they are`)
  }
  t.ok(seen.some(({ hasData }) => hasData))
})

t.test('whoever may write somebody’s place with FHIR can end it, and nobody else finds that page', async t => {
  let mayBe = 0
  for (const [turn, practitioner] of facts.practitioners.entries()) {
    const { browser, call, _csrf } = await signedIn(`person-${practitioner}`)
    const nothing = '/studies/nothing-of-the-kind/people/nobody/end'
    const none = anonymous(await browser.get(nothing))
    const noneSent = anonymous(await browser.post(nothing, { _csrf }))
    for (const { id, study } of todays(subjects, 3, turn)) {
      const stored = JSON.parse((await world.everything('GET', `ResearchSubject/${id}`)).body)
      const page = `/studies/${namedId(study, 'ResearchStudy')}/people/${id}/end`
      const what = `${practitioner}: ${page}`
      // Without a reason, nothing ends; a place that is over already is answered with 409.
      const [shown, posted] = [await browser.get(page), await browser.post(page, { _csrf, version: '1' })]
      const mayWrite = practitioner !== fromAbove && (await call('PUT', `ResearchSubject/${id}`, stored)).status === 200
      if (mayWrite) {
        t.equal(shown.status, 200, what)
        t.ok([303, 409, 422].includes(posted.status), `${what} ${posted.status}`)
        mayBe += 1
        continue
      }
      t.strictSame(anonymous(shown), none, what)
      t.strictSame(anonymous(posted), noneSent, what)
    }
  }
  t.ok(mayBe > 0)
})

t.test('there is none for the patient, nor for an account without anything', async t => {
  for (const person of ['person-ann', 'person-hal', 'person-nobody']) {
    const { browser } = await signedIn(person)
    const none = anonymous(await browser.get('/studies/nothing-of-the-kind/people/nobody'))
    for (const { id, study } of subjects) {
      const page = `/studies/${namedId(study, 'ResearchStudy')}/people/${id}`
      t.strictSame(anonymous(await browser.get(page)), none, `${person}: ${page}`)
    }
  }
})
