import type { Patient } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { keepArrival } from '../../src/storage/ehr/launch.ts'
import { addSmartClientConfig } from '../../src/storage/ehr/smart-client-config.ts'
import { workplacesOf } from '../../src/storage/ehr/staff.ts'
import { seal } from '../../src/storage/secret/sealed.ts'
import { newSecret } from '../../src/storage/secret/secret.ts'
import * as w from '../storage/model/world.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/** An EHR opens somebody who has a namesake in every organization. Each provider learns of those what FHIR shows them. */
const world = await openNoLeakWorld()
const { server, database, everything } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const issuer = 'https://ehr.example.org/fhir'
const config =
  (await addSmartClientConfig(database, {
    issuer,
    organization: 'university',
    clientId: 'sharewell',
    authentication: 'none',
    scope: 'openid',
    requiresNonce: true,
    enabled: true,
    frameOrigins: [],
  })) ?? ''

const human: Patient = { resourceType: 'Patient', name: [{ family: 'Noor', given: ['Amal'] }], birthDate: '1990-02-03' }
const namesakes = facts.organizations.map(([organization]) => ({ id: `noor-of-${organization}`, organization }))
const managedBy = (organization: string) => ({
  managingOrganization: { reference: `Organization/${organization}` },
})
const store = async (patient: Patient) => {
  const { status, body } = await everything('PUT', `Patient/${patient.id}`, patient)
  if (status !== 200 && status !== 201) throw new Error(`${status} ${body}`)
}
const identifiersOf = async (id: string) => JSON.parse((await everything('GET', `Patient/${id}`)).body).identifier

const signedIn = openSignedIn(world)
/** The person whom the EHR knows as `subject` is signed in, and the EHR has opened the human there. */
const launch = async (practitioner: string) => {
  const person = `person-${practitioner}`
  const stored = JSON.parse((await everything('GET', `Person/${person}`)).body)
  const identifier = [{ system: issuer, value: practitioner }]
  await everything('PUT', `Person/${person}`, { ...stored, identifier })
  await addAccount(database, {
    person,
    email: `${practitioner}@example.org`,
    isVerified: true,
    administrator: false,
    password: '',
  })
  const { browser, call, _csrf } = await signedIn(person)
  const kept = newSecret()
  const state = newSecret()
  browser.cookies.set(`sharewell-launch-${state[0]}`, kept)
  const patient = { ...human, identifier: [{ system: `${issuer}/Patient`, value: `of-${practitioner}` }] }
  const arrived = JSON.stringify({ subject: practitioner, patient })
  const arrival = await keepArrival(database, {
    state,
    browser: kept,
    config,
    arrived: await seal(Buffer.alloc(32, 7), 'launches from an EHR', arrived),
  })
  return {
    browser,
    call,
    _csrf,
    at: `/launched/${arrival}`,
    places: await workplacesOf(database, person, 'university'),
  }
}

type Launched = Awaited<ReturnType<typeof launch>> & { readonly practitioner: string }

/** Which of the namesakes they are shown, and which they may take for the human. */
const seen = async ({ call, places }: Launched, { id, organization }: (typeof namesakes)[number]) => {
  const isListed = places.some(one => one.registers) && (await call('GET', `Patient/${id}`)).status === 200
  return { isListed, isOffered: isListed && registersIn(places, organization) }
}
const registersIn = (places: Launched['places'], organization: string): boolean =>
  places.some(one => one.registers && one.organization === organization)

const isNotTaken = async (t: Test, { practitioner, browser, _csrf, at, places }: Launched, id: string) => {
  const organization = places[0]?.organization ?? ''
  const sent = await browser.post(`${at}/patient`, { _csrf, same: id, organization })
  t.notSame(sent.location, `/patients/${id}`, `${practitioner} is not led to ${id}`)
  t.equal(await identifiersOf(id), undefined, `${practitioner} leaves ${id} as it is`)
}

/** Of all with the name and the birth date, those whom FHIR shows are listed, and those of the organizations where they register are offered. */
const isShownTheirs = async (t: Test, launched: Launched) => {
  const { practitioner, browser, at, places } = launched
  const shown = await browser.get(at)
  t.equal(shown.status, places.length > 0 ? 200 : 403, practitioner)
  for (const namesake of namesakes) {
    const { id } = namesake
    const { isListed, isOffered } = await seen(launched, namesake)
    t.equal(shown.body.includes(`href="/patients/${id}"`), isListed, `${practitioner}: ${id} is listed`)
    t.equal(shown.body.includes(`name="same" value="${id}"`), isOffered, `${practitioner}: ${id} is offered`)
    if (!isListed) t.notOk(shown.body.includes(id), `${practitioner}: nothing is said of ${id}`)
    if (!isOffered) await isNotTaken(t, launched, id)
  }
}

t.test('only records that FHIR shows and lets write are listed as possibly the same, or can be taken', async t => {
  const { status } = await everything('PUT', 'PractitionerRole/visitor-bench', w.role('visitor', 'bench', 'member'))
  t.equal(status, 201, 'somebody sees more than the EHR’s organization has')
  const taken: string[] = []
  for (const practitioner of facts.practitioners) {
    for (const { id, organization } of namesakes) await store({ ...human, id, ...managedBy(organization) })
    const launched = { practitioner, ...(await launch(practitioner)) }
    await isShownTheirs(t, launched)
    const own = namesakes.find(({ organization }) => registersIn(launched.places, organization))
    if (own === undefined) continue
    const sent = await launched.browser.post(`${launched.at}/patient`, { _csrf: launched._csrf, same: own.id })
    t.match(sent, { status: 303, location: `/patients/${own.id}` }, `${practitioner} takes ${own.id} for the human`)
    taken.push(own.id)
  }
  t.same(taken, ['noor-of-university', 'noor-of-lab', 'noor-of-annex', 'noor-of-bench'])
})
