import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { type Shown, wordsOf } from '../../support/browser.ts'
import { openInvited } from '../invited.ts'

/** Somebody who works in two tenants. On pages they are not asked which of them owns what they make, unlike over FHIR. */
const world = await openInvited()
const { browserOf, clinic, create, lab, send, study } = world
t.teardown(world.close)
t.setTimeout(200_000)

const worker = async (roles: Readonly<Record<string, string>>) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Tess' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  for (const [organization, code] of Object.entries(roles))
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code }] }],
    })
  const { id: person } = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
  return browserOf(person)
}
const member = await worker({ [clinic.organization]: 'member', [lab.organization]: 'member' })
const settled = async ({ location = '' }: Shown): Promise<string> => {
  for (;;) {
    const shown = await member.get(location)
    if (!shown.body.includes('data-progress=')) return wordsOf(shown)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
const ownersOf = async (query: string): Promise<readonly unknown[]> => {
  const { entry = [] } = (await send('everything', 'GET', query)).json()
  return entry.flatMap(({ resource }: { resource: { meta: { tag?: { system: string; code: string }[] } } }) =>
    (resource.meta.tag ?? []).filter(({ system }) => system === ownerSystem).map(({ code }) => code),
  )
}
const placeOf = (family: string) => ownersOf(`ResearchSubject?patient.family=${family}`)

t.test('they register a patient into a study, and the place belongs to where the patient is registered', async t => {
  const fields = { given: 'Ann', family: 'Registered', birthDate: '1950-01-02', organization: lab.organization }
  const page = `/patients/new?study=${study.id}`
  const done = await member.send(page, { ...fields, study: study.id }, '/patients/new')
  t.match(done, { status: 303 })
  t.match(wordsOf(await member.get(done.location ?? '')), /The patient is registered, and in the study/)
  t.same(await placeOf('Registered'), [lab.organization])
})

t.test('they register a list of patients into a study', async t => {
  const content = 'family,given,birth_date\nListed,Ben,1950-01-03'
  const file = { field: 'file', name: 'patients.csv', content }
  const fields = { organization: lab.organization, study: study.id }
  const sent = await member.sendFile(`/patients/imports?study=${study.id}`, file, '/patients/imports', fields)
  await settled(sent)
  await member.send(sent.location ?? '', {}, `${sent.location}/confirm`)
  t.match(await settled(sent), /registered, and enrolled in the study/)
  t.same(await placeOf('Listed'), [lab.organization])
})

t.test('they enrol patients of either organization', async t => {
  for (const { organization, manager } of [lab, clinic])
    await create(manager, {
      resourceType: 'Patient',
      name: [{ family: `Enrolled-${organization}` }],
      birthDate: '1950-01-04',
      managingOrganization: { reference: `Organization/${organization}` },
    })
  const page = `/studies/${study.id}/enrolment`
  const done = await member.send(`${page}?name=enrolled`, { who: 'all', do: 'enrol' }, page)
  t.match(await settled(done), /2 of 2 are enrolled\./)
  for (const { organization } of [lab, clinic])
    t.same(await placeOf(`Enrolled-${organization}`), [organization], organization)
})

t.test('they add organizations in both, each of which belongs to what it is below', async t => {
  const manager = await worker({ [clinic.organization]: 'manager', [lab.organization]: 'manager' })
  const below = async (above: string, name: string) => {
    const made = await manager.send(`/organizations/${above}/new`, { name, type: '' })
    t.match(made, { status: 303 }, name)
    return /^\/organizations\/([^?]+)/.exec(made.location ?? '')?.[1] ?? ''
  }
  for (const { organization } of [lab, clinic]) {
    const unit = await below(organization, `Unit of ${organization}`)
    const desk = await below(unit, `Desk of ${organization}`)
    t.same(await ownersOf(`Organization?_id=${unit},${desk}`), [organization, organization])
  }
})
