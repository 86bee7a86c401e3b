import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../src/fhir/canonical.ts'
import { type Browser, wordsOf } from '../support/browser.ts'
import { openTenants } from '../web/tenants.ts'

/** Whose paper is the next to confirm is told to those who confirm it, and to nobody else, and by name only to those who may know the name. */
const world = await openTenants()
const { server, lab, send, create, update, token } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const kinds = ['omh:heart-rate']
type Staff = { readonly person: string; readonly practitioner: string; readonly browser: Browser }

const member = async (organization = lab.organization): Promise<Staff> => {
  const person = await world.staff(organization, 'member')
  const { link } = (await send('everything', 'GET', `Person/${person}`)).json()
  const practitioner = link[0].target.reference.split('/')[1]
  return { person, practitioner, browser: await world.browserOf(person) }
}

const coordinates = ({ practitioner }: Staff, end?: string): Extension => ({
  url: extensions.staff,
  extension: [
    { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
    { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } },
    ...(end === undefined ? [] : [{ url: 'period', valuePeriod: { start: '2019-01-01', end } }]),
  ],
})

const onPaper = { url: extensions.paperConsent, valueBoolean: true }

const studyWith = async (title: string, identity: 'identified' | 'coded', staff: readonly Extension[]) => {
  const { id } = await world.newStudy(lab.manager, lab.organization, title, kinds, identity)
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), ...staff, onPaper] })
  return id
}

const enrolled = async (study: string, name: string) => {
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    birthDate: '1970-05-31',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: `Patient/${patient}` },
  })
  return { patient, subject: id, page: `/studies/${study}/people/${id}/paper` }
}

const today = new Date().toISOString().slice(0, 10)
const recordedBy = async ({ browser }: Staff, page: string) => {
  const scan = { field: 'scan', name: 'scan.pdf', content: Buffer.from('%PDF-1.7 the scan') }
  const { status } = await browser.sendFile(page, scan, page, {
    signedOn: today,
    language: 'en',
    'omh:heart-rate@any': 'yes',
  })
  return status
}

/** Besides those whom the study names, the organization's own. */
const confirming = ['manager', 'member', 'who confirms', 'who confirms, and works elsewhere']

/** The addresses that lead on to the next paper: after something was done, and the pages of papers, of one that is confirmed and of one that waits. */
const leadingOn = (study: string, nobodys: string, pages: readonly string[]) => [
  `/studies/${study}?done=discarded&subject=${nobodys}&sort=enrolment`,
  ...pages.map(page => `${page}?state=paper&sort=enrolment`),
]

for (const identity of ['identified', 'coded'] as const)
  t.test(`${identity}: the next paper is told to whoever confirms it, and to nobody else`, async t => {
    const [cora, dora] = [await member(), await member()]
    const ofAnother = () => member(world.clinic.organization)
    const [guest, past, elsewhere] = [await ofAnother(), await ofAnother(), await ofAnother()]
    await studyWith(`another than ${identity}`, identity, [coordinates(elsewhere)])
    const staff = [coordinates(cora), coordinates(dora), coordinates(guest), coordinates(past, '2020-01-01')]
    const study = await studyWith(identity, identity, staff)
    const [waiting, other] = [await enrolled(study, 'Secret-first'), await enrolled(study, 'Secret-other')]
    const confirmed = await enrolled(study, 'Secret-second')
    const nobodys = await enrolled(study, 'Secret-third')
    for (const { page } of [waiting, other, confirmed]) t.equal(await recordedBy(cora, page), 303)
    const answer = await dora.browser.send(confirmed.page, {}, `${confirmed.page}/confirm`)
    t.equal(answer.status, 303)

    const addresses = leadingOn(study, nobodys.subject, [confirmed.page, waiting.page])
    const everybody = {
      ...world.people,
      'who has recorded it': cora.browser,
      'who confirms': dora.browser,
      'who confirms, and works elsewhere': guest.browser,
      'who confirmed once': past.browser,
      'who confirms for another study': elsewhere.browser,
    }
    for (const address of addresses)
      for (const [name, browser] of Object.entries(everybody)) {
        const said = /Check the next/.test(wordsOf(await browser.get(address)))
        t.equal(said, confirming.includes(name), `${name}: ${address}`)
      }

    for (const { browser, person } of [dora, guest]) {
      const own = await token({ subject: { kind: 'user', person }, scope: 'user/*.rs' })
      for (const { patient } of [waiting, other]) {
        const { statusCode } = await send(own, 'GET', `Patient/${patient}`)
        t.equal(statusCode, person === dora.person ? 200 : 404, 'whoever works elsewhere may not know the name')
      }
      for (const address of addresses) {
        const { body } = await browser.get(address)
        const isNamed = /Check the next: Secret-/.test(body)
        t.equal(isNamed, person === dora.person, `by a name that they may know: ${address}`)
      }
    }
  })
