import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from '../../support/browser.ts'
import { type Answer, type Asked, askedBy, entityId, openMockIdp, signInUrl } from './mock-idp.ts'
import { openPeople } from './people.ts'

/** A server at which people of an institution sign in with SAML. */
export const openSamlInstitution = async (environment: Readonly<Record<string, string>> = {}) => {
  const idp = await openMockIdp()
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-saml-'))
  const file = join(folder, 'idp.pem')
  await writeFile(file, idp.certificate)
  const world = await openPeople({
    SAML_ENTITY_ID: entityId,
    SAML_SIGN_IN_URL: signInUrl,
    SAML_CERTIFICATE: file,
    ...environment,
  })
  await rm(folder, { recursive: true })

  /** Sends the browser out, up to the provider. */
  const begin = async (browser: Browser, query = ''): Promise<Asked> => {
    const { location, status, body } = await browser.get(`/sso${query}`)
    if (location === undefined) throw new Error(`${status} ${body}`)
    return askedBy(location)
  }
  /** A form of another site: the browser sends none of our cookies with it. */
  const post = (xml: string, more: Readonly<Record<string, string>> = {}) =>
    world.newBrowser().post('/sso/acs', { SAMLResponse: Buffer.from(xml).toString('base64'), ...more })
  const answer = async (browser: Browser, said: Answer, query = '') =>
    post(idp.responseTo(await begin(browser, query), said))
  const arrive = async (browser: Browser, said: Answer, query = '') =>
    world.arrival(browser, await answer(browser, said, query))
  return { ...world, idp, begin, post, answer, arrive }
}
