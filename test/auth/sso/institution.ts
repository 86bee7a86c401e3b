import { hashPassword } from '../../../src/accounts/password.ts'
import { addAccount } from '../../../src/storage/user-account.ts'
import { type Browser, openBrowser, type Shown } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { clientId, clientSecret, openMockProvider, type User } from './mock-provider.ts'

export const password = 'seven green umbrellas sing'

/** A server at which people of an institution sign in by OpenID Connect. */
export const openInstitution = async (environment: Readonly<Record<string, string>> = {}) => {
  const provider = await openMockProvider()
  const world = await fhirWorld({
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: clientId,
    OIDC_CLIENT_SECRET: clientSecret,
    OUTBOUND_ORIGINS: new URL(provider.issuer).origin,
    SSO_NAME: 'Riverside',
    SSO_DOMAINS: 'riverside.example, med.riverside.example',
    SSO_SIGN_UP: 'open',
    ...environment,
  })
  const { server, database } = world
  server.addHook('onClose', async () => provider.close())

  /** Somebody who has an account here with a password. */
  const holder = async (name: string, email = `${name}@riverside.example`) => {
    const person =
      (await fhir('POST', 'Person', { resourceType: 'Person', active: true, name: [{ text: name }] })).id ?? ''
    const hash = await hashPassword(password)
    await addAccount(database, { person, email, isVerified: false, administrator: false, password: hash })
    return { person, email }
  }
  const fhir = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object) => {
    const answer = await server.inject({
      method,
      url: `/fhir/${path}`,
      headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
      ...(payload === undefined ? {} : { payload }),
    })
    return answer.body === '' ? {} : answer.json()
  }
  const personOf = (id: string) => fhir('GET', `Person/${id}`)

  /** As far as where the provider sends the browser back to. */
  const toCallback = async (browser: Browser, user: User, query = ''): Promise<string> => {
    const begun = await browser.get(`/sso${query}`)
    if (begun.location === undefined) throw new Error(`${begun.status} ${begun.body}`)
    const { pathname, search } = provider.authorize(begun.location, user)
    return `${pathname}${search}`
  }
  /** Comes back, too: the page of who has arrived, and where that is. */
  const arrive = async (browser: Browser, user: User, query = ''): Promise<Shown & { readonly at: string }> => {
    const { location: at, status, body } = await browser.get(await toCallback(browser, user, query))
    if (at === undefined) throw new Error(`${status} ${body}`)
    return { at, ...(await browser.get(at)) }
  }
  /** Signs in by password, and links. */
  const link = async (browser: Browser, { email }: { readonly email: string }, user: User) => {
    const { at } = await arrive(browser, user)
    await browser.send(`/sign-in?prompt=login&continue=${at}`, { email, password }, '/sign-in')
    return browser.send(at, {}, `${at}/link`)
  }
  const signedInAs = async (browser: Browser): Promise<string | undefined> =>
    /<dt>Name<\/dt><dd>([^<]*)/.exec((await browser.get('/account')).body)?.[1]
  return {
    ...world,
    provider,
    holder,
    fhir,
    personOf,
    toCallback,
    arrive,
    link,
    signedInAs,
    newBrowser: () => openBrowser(server),
  }
}
