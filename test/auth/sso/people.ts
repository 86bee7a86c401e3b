import { hashPassword } from '../../../src/accounts/password/password.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { type Browser, openBrowser, type Shown } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

export const password = 'seven green umbrellas sing'

/** A server with people who have an account, and others whom an institution knows. */
export const openPeople = async (environment: Readonly<Record<string, string>>) => {
  const world = await fhirWorld({
    SSO_NAME: 'Riverside',
    SSO_DOMAINS: 'riverside.example, med.riverside.example',
    SSO_SIGN_UP: 'open',
    ...environment,
  })
  const { server, database } = world

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

  const signedInAs = async (browser: Browser): Promise<string | undefined> =>
    /<dt>Name<\/dt><dd>([^<]*)/.exec((await browser.get('/account')).body)?.[1]
  /** The page after arriving, and where it is. */
  const arrival = async (browser: Browser, { location: at, status, body }: Shown) => {
    if (at === undefined) throw new Error(`${status} ${body}`)
    return { at, ...(await browser.get(at)) }
  }
  /** Signs in with a password, and links what has arrived. */
  const confirm = async (browser: Browser, { email }: { readonly email: string }, at: string) => {
    await browser.send(`/sign-in?prompt=login&continue=${at}`, { email, password }, '/sign-in')
    return browser.send(at, {}, `${at}/link`)
  }
  let browsers = 0
  /** Each from an address of its own, since forms from one address are limited. */
  const newBrowser = () => {
    browsers += 1
    return openBrowser(server, { remoteAddress: `10.0.${Math.floor(browsers / 250)}.${browsers % 250}` })
  }
  return { ...world, holder, fhir, personOf, signedInAs, arrival, confirm, newBrowser }
}
