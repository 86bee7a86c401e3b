import { organizationRole } from '../../src/access/vocabulary.ts'
import { startSession } from '../../src/storage/account/session.ts'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { openApps } from '../auth/world.ts'
import { openBrowser } from '../support/browser.ts'

/** Two tenants with a study and a patient each, and everybody who works in them, each signed in with a browser of their own. */
export const openTenants = async (...options: Parameters<typeof openApps>) => {
  const world = await openApps(...options)
  const { server, database, create, lab } = world
  const ward = await create('everything', {
    resourceType: 'Organization',
    name: 'Ward <1>',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  const clinic = await world.institution('clinic')
  const kinds = ['omh:heart-rate']
  const { id: study } = await world.newStudy(clinic.manager, clinic.organization, 'clinics', kinds)
  const carl = await world.participant(clinic.manager, clinic.organization, study, kinds, 'Carl')

  let address = 1
  /** A browser that is signed in as the Person, from an address of its own. */
  const browserOf = async (person: string) => {
    const browser = openBrowser(server, { remoteAddress: `10.1.0.${address++}` })
    browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    return browser
  }
  type Role = 'viewer' | 'member' | 'manager' | 'privacy-officer'
  /** A Person who has the role in each of the organizations, and may be a patient as well. */
  const staff = async (organizations: string | readonly string[], code: Role, patient?: string) => {
    const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: code }] })
    const practitioner = { reference: `Practitioner/${id}` }
    for (const organization of [organizations].flat())
      await create('everything', {
        resourceType: 'PractitionerRole',
        practitioner,
        organization: { reference: `Organization/${organization}` },
        code: [{ coding: [{ system: organizationRole, code }] }],
      })
    const targets = [practitioner, ...(patient === undefined ? [] : [{ reference: `Patient/${patient}` }])]
    const link = targets.map(target => ({ target }))
    const person = await create('everything', { resourceType: 'Person', name: [{ text: `The ${code}` }], link })
    return person.id
  }
  const administrator = async () => {
    const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Root' }] })
    const account = { person, email: 'root@example.org', isVerified: true, administrator: true, password: 'x' }
    await addAccount(database, account)
    return person
  }
  const persons = {
    manager: await staff(lab.organization, 'manager'),
    'manager of the ward': await staff(ward.id, 'manager'),
    member: await staff(lab.organization, 'member'),
    viewer: await staff(lab.organization, 'viewer'),
    'privacy officer': await staff(lab.organization, 'privacy-officer'),
    'manager of another tenant': await staff(clinic.organization, 'manager'),
    patient: await world.account(world.ann),
    administrator: await administrator(),
  }
  const people = Object.fromEntries(
    await Promise.all(Object.entries(persons).map(async ([name, person]) => [name, await browserOf(person)] as const)),
  ) as Record<keyof typeof persons, Awaited<ReturnType<typeof browserOf>>>
  /**
   * What the privacy officer is shown of what was changed, the newest first. What was merely read is shown once it is sealed, which happens while a
   * test runs or after it.
   */
  const told = async (person = persons['privacy officer']) => {
    const token = await world.token({ subject: { kind: 'user', person }, scope: 'user/AuditEvent.rs' })
    const { entry = [] } = (await world.send(token, 'GET', 'AuditEvent?_count=1000')).json()
    return entry
      .map(({ resource }: { resource: { id: string } }) => resource)
      .filter(({ id }: { id: string }) => !id.startsWith('access-'))
  }
  return { ...world, ward: ward.id, clinic: { ...clinic, study }, carl, people, persons, staff, browserOf, told }
}
