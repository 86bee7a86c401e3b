import type { Browser } from '../../support/browser.ts'
import { clientId, clientSecret, openMockProvider, type User } from './mock-provider.ts'
import { openPeople } from './people.ts'

/** A server at which people of an institution sign in with OpenID Connect. */
export const openInstitution = async (environment: Readonly<Record<string, string>> = {}) => {
  const provider = await openMockProvider()
  const world = await openPeople({
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: clientId,
    OIDC_CLIENT_SECRET: clientSecret,
    OUTBOUND_ORIGINS: `${new URL(provider.issuer).origin}, *`,
    ...environment,
  })
  world.server.addHook('onClose', async () => provider.close())

  /** Up to where the provider sends the browser back to. */
  const toCallback = async (browser: Browser, user: User, query = ''): Promise<string> => {
    const begun = await browser.get(`/sso${query}`)
    if (begun.location === undefined) throw new Error(`${begun.status} ${begun.body}`)
    const { pathname, search } = provider.authorize(begun.location, user)
    return `${pathname}${search}`
  }
  /** Comes back, too. */
  const arrive = async (browser: Browser, user: User, query = '') =>
    world.arrival(browser, await browser.get(await toCallback(browser, user, query)))
  const link = async (browser: Browser, holder: { readonly email: string }, user: User) =>
    world.confirm(browser, holder, (await arrive(browser, user)).at)
  return { ...world, provider, toCallback, arrive, link }
}
