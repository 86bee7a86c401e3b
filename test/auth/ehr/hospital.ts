import { organizationRole } from '../../../src/access/vocabulary.ts'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { keepSmartClientConfig, type SmartClientConfig } from '../../../src/storage/ehr/smart-client-config.ts'
import { seal } from '../../../src/storage/secret/sealed.ts'
import { type Browser, openBrowser } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'
import { type MockEhr, openMockEhr } from './mock-ehr.ts'

export const password = 'seven green umbrellas sing'

const secretKey = Buffer.alloc(32, 7)

/** Two hospitals, each with an EHR that is set up for it, and people with accounts here. */
export const openHospitals = async (environment: Readonly<Record<string, string>> = {}) => {
  const ehr = await openMockEhr()
  const otherEhr = await openMockEhr()
  const allowed = [ehr, otherEhr].map(({ base }) => new URL(base).origin).join()
  const world = await openStudies({ OUTBOUND_ORIGINS: allowed, ...environment })
  const { server, database, create } = world
  const everything = (resource: Parameters<typeof create>[1]) => create('everything', resource)
  const hospital = (await everything({ resourceType: 'Organization', name: 'General' })).id ?? ''
  const ward = await create('everything', {
    resourceType: 'Organization',
    name: 'Ward 1',
    partOf: { reference: `Organization/${hospital}` },
  })
  const other = await create('everything', { resourceType: 'Organization', name: 'Other' })

  const configure = async (mock: MockEhr, organization: string, more: Partial<Omit<SmartClientConfig, 'id'>> = {}) => {
    const config: Omit<SmartClientConfig, 'id'> = {
      issuer: mock.base,
      organization,
      clientId: 'sharewell',
      authentication: 'none',
      scope: 'openid fhirUser launch patient/Patient.r',
      requiresNonce: true,
      enabled: true,
      frameOrigins: [],
      ...more,
    }
    const { secret, ...rest } = config
    await keepSmartClientConfig(database, {
      ...rest,
      ...(secret === undefined ? {} : { secret: await seal(secretKey, 'launches from an EHR', secret) }),
    })
    mock.register({
      id: config.clientId,
      method: config.authentication,
      ...(secret === undefined ? {} : { secret }),
      keys: async () => (await server.inject({ url: '/launch/jwks.json' })).json(),
    })
  }
  await configure(ehr, hospital)
  await configure(otherEhr, other.id)

  /** Somebody who works in the organization, and signs in here by e-mail. */
  const colleague = async (name: string, organization: string, code: 'viewer' | 'member' | 'manager' = 'member') => {
    const { id: practitioner } = await create('everything', { resourceType: 'Practitioner', name: [{ family: name }] })
    const role = await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: `Practitioner/${practitioner}` },
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code }] }],
    })
    const { id: person } = await create('everything', {
      resourceType: 'Person',
      name: [{ text: name }],
      link: [{ target: { reference: `Practitioner/${practitioner}` } }],
    })
    const email = `${name}@example.org`
    const hash = await hashPassword(password)
    await addAccount(database, { person, email, isVerified: true, administrator: false, password: hash })
    return { person, email, role: role.id, practitioner }
  }

  /** Follows a launch to where the EHR sends the browser back to. */
  const toCallback = async (browser: Browser, mock: MockEhr, launch: string): Promise<string> => {
    const begun = await browser.get(`/launch?${new URLSearchParams({ iss: mock.base, launch })}`)
    if (begun.location === undefined) throw new Error(`${begun.status} ${begun.body}`)
    const answer = await fetch(begun.location, { redirect: 'manual' })
    const { pathname, search } = new URL(answer.headers.get('location') ?? '')
    return `${pathname}${search}`
  }
  /** The same, and comes back. */
  const launched = async (browser: Browser, mock: MockEhr, launch: string) =>
    browser.get(await toCallback(browser, mock, launch))
  let network = 0
  /** Somebody whose account is linked to the EHR user with their name, from a network of their own. */
  const linked = async (name: string, organization: string, code?: 'viewer' | 'member') => {
    const who = await colleague(name, organization, code)
    network += 1
    const browser = openBrowser(server, { remoteAddress: `10.4.0.${network}` })
    await browser.send('/sign-in', { email: who.email, password })
    const { location = '' } = await launched(browser, ehr, ehr.launch({ subject: name }))
    await browser.send(location, { password }, `${location}/account`)
    return who
  }
  return {
    ...world,
    ehr,
    otherEhr,
    hospital,
    ward: ward.id,
    other: other.id,
    configure,
    colleague,
    linked,
    toCallback,
    launched,
  }
}
