import t from 'tap'
import type { Browser } from '../support/browser.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** A list of patients tells its sender of nobody whom FHIR does not show them, and enrols nobody else. */
const world = await openNoLeakWorld({ pauseMs: 50, retries: 0 })
const { server } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const twins = ['elsewhere', 'lab']
const file = { field: 'file', name: 'list.csv', content: 'family,birth_date\nTwin,1971-02-03\nTwin,1971-02-03' }

/** The address of a list of twins that is sent for the first study into which its sender may enrol, and its page once it is checked. */
const sendTwins = async (browser: Browser, organization: string) => {
  for (const { id } of facts.studies) {
    const page = `/patients/imports?study=${id}`
    if (!(await browser.get(page)).body.includes('All of them are enrolled in')) continue
    const { location = '' } = await browser.sendFile(page, file, '/patients/imports', { organization })
    for (;;) {
      const { body } = await browser.get(location)
      if (!body.includes('data-progress=')) return { location, body }
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
  return undefined
}

t.test('a list names, and enrols, only those of its likely duplicates whom its sender sees with FHIR', async t => {
  for (const twin of twins) {
    const managingOrganization = { reference: `Organization/${twin}` }
    const patient = { resourceType: 'Patient', id: `twin-${twin}`, name: [{ family: 'Twin' }], birthDate: '1971-02-03' }
    await world.everything('PUT', `Patient/${patient.id}`, { ...patient, managingOrganization })
  }
  const shown: string[] = []
  const members = facts.memberships.filter(({ ended, role }) => !ended && role !== 'viewer')
  for (const { practitioner, organization } of members) {
    const { browser, call, _csrf } = await signedIn(`person-${practitioner}`)
    const sent = await sendTwins(browser, organization)
    if (sent === undefined) continue
    const { location, body } = sent
    for (const twin of twins) {
      const isSeen = (await call('GET', `Patient/twin-${twin}`)).status === 200
      if (isSeen) shown.push(twin)
      const chosen = { _csrf, shown: '2', 'line-2': `enrol-twin-${twin}`, do: 'more', after: '0' }
      const { status } = await browser.post(`${location}/confirm`, chosen)
      const named = [`href="/patients/twin-${twin}"`, `value="enrol-twin-${twin}"`].map(text => body.includes(text))
      t.same([...named, status], [isSeen, isSeen, isSeen ? 303 : 400], `${practitioner} of ${organization}: ${twin}`)
    }
  }
  t.same([...new Set(shown)].toSorted(), twins, 'each of them is shown to somebody')
})
