import { findPersonOf, isHeld, subjectsOf } from '../../accounts/identity.ts'
import { type Admission, admitByInstitution } from '../../accounts/sign-in/admit.ts'
import {
  type Confirmed,
  linkInstitution,
  makeSsoAccount,
  maySignUp,
  type SsoAccounts,
  unlinkInstitution,
} from '../../accounts/sign-in/sso-account.ts'
import type { Session } from '../../storage/account/session.ts'
import { dropOtherSsoArrivals, dropSsoArrival, findSsoArrival, type SsoArrival } from '../../storage/account/sso.ts'
import { findAccountByEmail } from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'

/** What comes next for somebody who has come from the institution. It is asked anew at each request, since it depends on what is so then. */
export type SsoStep =
  | { readonly kind: 'gone' }
  /** They have the account. */
  | { readonly kind: 'enter'; readonly person: string; readonly arrived: SsoArrival }
  /** Their account is closed. */
  | { readonly kind: 'barred' }
  | (Refused & { readonly kind: 'no-address'; readonly reason: string })
  | (Refused & { readonly kind: 'not-invited'; readonly email: string })
  /** The account with the address is linked to somebody else of the institution: addresses are reused. */
  | (Refused & { readonly kind: 'occupied'; readonly email: string })
  /** The holder of the account with the address must sign in now. */
  | { readonly kind: 'sign-in'; readonly email: string }
  | { readonly kind: 'link'; readonly person: string; readonly session: string; readonly arrived: Confirmed }
  | { readonly kind: 'create'; readonly arrived: Confirmed }

/** Somebody with a password can use that to get to where they were going. */
type Refused = { readonly continued: string | undefined }

export type SsoArrivals = {
  readonly stepOf: (arrival: string, browser: string, session: Session | undefined) => Promise<SsoStep>
  /** Undefined if the arrival has been used by now, or the institution no longer signs them in. */
  readonly enter: (
    arrival: string,
    step: Extract<SsoStep, { kind: 'enter' }>,
    device: string,
  ) => Promise<Admission | undefined>
  /** False if they have been signed out meanwhile. Throws `duplicate` or `conflict` if either of the two is linked to another by now. */
  readonly link: (arrival: string, step: Extract<SsoStep, { kind: 'link' }>) => Promise<boolean>
  /** Answers the id of the new Person; undefined if there is an account with the address by now. */
  readonly create: (
    arrival: string,
    step: Extract<SsoStep, { kind: 'create' }>,
    name: string,
  ) => Promise<string | undefined>
  /** The institution's names for the person; empty if they are not linked. */
  readonly subjectsOf: (person: string) => Promise<readonly string[]>
  /** Ends all sessions but the one, in the same commit. False if it is the only way into the account. */
  readonly unlink: (person: string, session: string) => Promise<boolean>
}

export const openSsoArrivals = (parts: SsoAccounts, issuer: string): SsoArrivals => ({
  stepOf: async (arrival, browser, session) => {
    const arrived = await findSsoArrival(parts.accounts.database, arrival, browser)
    return arrived === undefined || arrived.issuer !== issuer ? { kind: 'gone' } : stepOf(parts, arrived, session)
  },
  enter: async (arrival, { person, arrived }, device) => {
    const authenticatedAt = arrived.authenticatedAt === undefined ? 'not told' : new Date(arrived.authenticatedAt)
    const take = (connection: Connection) => dropSsoArrival(connection, arrival)
    return admitByInstitution(parts.accounts, { person, device, authenticatedAt, identity: arrived, take }, arrived)
  },
  link: (arrival, { arrived, ...by }) =>
    linkInstitution(parts, by, arrived, async connection => {
      await dropSsoArrival(connection, arrival)
      await dropOtherSsoArrivals(connection, arrival, arrived)
    }),
  create: (arrival, { arrived }, name) =>
    makeSsoAccount(parts, arrived, name, connection => dropOtherSsoArrivals(connection, arrival, arrived)),
  subjectsOf: person => subjectsOf(parts.identities, person, issuer),
  unlink: (person, session) => unlinkInstitution(parts, person, issuer, session),
})

const stepOf = async (parts: SsoAccounts, arrived: SsoArrival, session: Session | undefined): Promise<SsoStep> => {
  const { database } = parts.accounts
  const person = await findPersonOf(parts.identities, arrived)
  if (person !== undefined) return { kind: 'enter', person, arrived }
  if (await isHeld(parts.identities, arrived)) return { kind: 'barred' }
  const { email, noEmail: reason = 'not known', continued } = arrived
  if (email === undefined) return { kind: 'no-address', reason, continued }
  const confirmed = { ...arrived, email }
  const account = await findAccountByEmail(database, email)
  if (account === undefined)
    return (await maySignUp(parts, confirmed))
      ? { kind: 'create', arrived: confirmed }
      : { kind: 'not-invited', email, continued }
  if ((await subjectsOf(parts.identities, account.person, arrived.issuer)).length > 0)
    return { kind: 'occupied', email, continued }
  if (session?.person !== account.person || !isFresh(session)) return { kind: 'sign-in', email }
  return { kind: 'link', person: account.person, session: session.id, arrived: confirmed }
}

/** Whether the password, and the second factor if there is one, were given just now, so that this is not a browser that somebody left open. */
const isFresh = ({ methods, signedInAt }: Session): boolean =>
  methods.includes('pwd') && Date.now() - signedInAt.getTime() < 10 * 60_000
