import { hashPassword } from '../../src/accounts/password/password.ts'
import type { Work } from '../../src/app/work.ts'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { sql } from '../../src/storage/sql.ts'
import { codeOf, keyIn } from '../support/authenticator.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openStudies } from '../support/study.ts'

export const password = 'seven green umbrellas sing'

/** People with accounts whose letters arrive, and organizations that they may belong to. */
export const openPeople = async (work?: Work) => {
  const mailbox = await openMailbox()
  const world = await openStudies({ SMTP_URL: mailbox.url }, work)
  const { server, database, create } = world
  const hashed = await hashPassword(password)

  const newAccount = async (name: string, link: readonly string[] = []) => {
    const { id: person } = await create('everything', {
      resourceType: 'Person',
      name: [{ text: name }],
      ...(link.length === 0 ? {} : { link: link.map(reference => ({ target: { reference } })) }),
    })
    const email = `${name}@example.org`
    await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: false })
    return { person, email }
  }

  let network = 0
  /** A browser with nobody signed in, in a network of its own. */
  const browser = () => {
    network += 1
    return openBrowser(server, { remoteAddress: `10.${network >> 8}.${network & 255}.1` })
  }

  /** Up to the password. */
  const begin = async (email: string, continued = '') => {
    const own = browser()
    const page = continued === '' ? '/sign-in' : `/sign-in?${new URLSearchParams({ continue: continued })}`
    return { browser: own, answer: await own.send(page, { email, password }, '/sign-in') }
  }
  const signedIn = async (email: string): Promise<Browser> => (await begin(email)).browser

  /** Sets up an authenticator with a browser that is signed in; answers its key, and the last page. */
  const setUp = async (own: Browser) => {
    await own.send('/account/second-factor/set-up', { password })
    const key = keyIn(await own.get('/second-factor'))
    return { key, shown: await own.send('/second-factor', { code: await codeOf(key) }) }
  }

  /** Somebody with a second factor, whose codes are all unused. */
  const protectedAccount = async (name: string, link?: readonly string[]) => {
    const { person, email } = await newAccount(name, link)
    const own = await signedIn(email)
    const { key, shown } = await setUp(own)
    await mailbox.next()
    await forgetCodes(person)
    return { person, email, key, recoveryCodes: recoveryCodesIn(shown), browser: own }
  }

  /** As if the codes of these minutes had not been used. */
  const forgetCodes = (person: string) =>
    database.run(sql.fragment`UPDATE user_account SET authenticator_step = 0 WHERE person = ${person}`)

  const close = async () => {
    await server.close()
    await mailbox.close()
  }
  return { ...world, mailbox, newAccount, browser, begin, signedIn, setUp, protectedAccount, forgetCodes, close }
}

export const recoveryCodesIn = ({ body }: { readonly body: string }): readonly string[] =>
  [...body.matchAll(/<code>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})<\/code>/g)].map(([, code]) => code ?? '')
