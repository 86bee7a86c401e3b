import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import type { Shown } from '../support/browser.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** Only people who may enrol, invite and remind one by one with FHIR can do so with many at once, and the pages name nobody else. */
const world = await openNoLeakWorld()
const { server, database } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
type Signed = Awaited<ReturnType<typeof signedIn>>
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]

const mayEnrol = async ({ call }: Signed, study: string): Promise<boolean> => {
  const subject = {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: 'Patient/nothing-of-the-kind' },
  }
  return (await call('POST', 'ResearchSubject', subject)).status === 201
}
/** Names of patients on the page whom the same person does not find with FHIR. */
const strangersOn = async ({ call }: Signed, { body }: Shown): Promise<readonly string[]> => {
  const { entry = [] } = JSON.parse((await call('GET', 'Patient?_count=100')).body)
  const known = new Set(
    entry.map(({ resource }: { readonly resource: { readonly id: string } }) => `secret-${resource.id}`),
  )
  return [...new Set(body.match(/secret-[\w-]+/g) ?? [])].filter(name => !known.has(name))
}
const pages = (study: string) => [`/studies/${study}/enrolment`, `/studies/${study}/invitations`]
/** Nobody is enrolled into what is over, and whoever could enrol otherwise is told so. */
const doneOn = (page: string): number => (page === '/studies/over/enrolment' ? 409 : 303)

t.test('whoever may enrol one with FHIR enrols and invites many; others find no such pages', async t => {
  for (const practitioner of facts.practitioners) {
    const signed = await signedIn(`person-${practitioner}`)
    const { browser, _csrf } = signed
    const none = anonymous(await browser.get('/studies/nothing-of-the-kind/enrolment'))
    const noneSent = anonymous(await browser.post('/studies/nothing-of-the-kind/enrolment', { _csrf }))
    t.same([none[0], noneSent[0]], [404, 404])
    for (const { id } of facts.studies) {
      const may = await mayEnrol(signed, id)
      for (const page of pages(id)) {
        const shown = await browser.get(page)
        const posted = await browser.post(page, {
          _csrf,
          who: 'ticked',
          do: 'invite',
          patient: 'jon',
          subject: 'coded-hal',
        })
        t.same(await strangersOn(signed, shown), [], `${practitioner}: names on ${page}`)
        if (may) t.same([shown.status, posted.status], [200, doneOn(page)], `${practitioner}: ${page}`)
        else t.strictSame([anonymous(shown), anonymous(posted)], [none, noneSent], `${practitioner}: ${page}`)
      }
    }
  }
})

t.test('a ticked patient whom the person may not see counts as nobody', async t => {
  const asked = await database.any<{ target: string; person: string }>(sql.fragment`
    SELECT target, person FROM study_action_item JOIN study_action ON study_action.id = action`)
  const unseen: string[] = []
  for (const { target, person } of asked) {
    const { call } = await signedIn(person)
    const type = target.includes('-') ? 'ResearchSubject' : 'Patient'
    if ((await call('GET', `${type}/${target}`)).status !== 200) unseen.push(`${person}: ${target}`)
  }
  t.same(unseen, [])
})

t.test('a patient finds no such pages', async t => {
  const { browser, _csrf } = await signedIn('person-ann')
  for (const { id } of facts.studies)
    for (const page of pages(id)) {
      t.equal((await browser.get(page)).status, 404, page)
      t.equal((await browser.post(page, { _csrf, who: 'all', do: 'invite' })).status, 404, page)
    }
})
