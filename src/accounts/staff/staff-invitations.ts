import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Limit } from '../../storage/account/attempt.ts'
import { isBarredPerson } from '../../storage/account/barred.ts'
import { mayWriteTo } from '../../storage/account/letter-limit.ts'
import { findAccountByEmail, findAccountOf, toAddress } from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { retryFailedLetters } from '../../storage/installation/system-state.ts'
import { isClosed, worksIn } from '../../storage/organization/organization.ts'
import {
  endStaffInvitation,
  findPendingInvitation,
  findStaffInvitation,
  findUsedStaffInvitation,
  isStaffInvitation,
  makeStaffInvitation,
  type PendingInvitation,
  pendingStaffInvitations,
  renewStaffInvitation,
  type StaffInvitation,
  takeTurnToInvite,
} from '../../storage/organization/staff-invitation.ts'
import type { Accounts } from '../accounts.ts'
import type { AdministeredOrganizations } from '../organization/administered-organizations.ts'
import { type ConfigurationChange, recordingChange } from '../organization/configuration-change.ts'
import { type EmailProblem, emailProblem } from '../sign-up/email.ts'
import { organizationRoles, roleWord } from './colleagues.ts'
import { acceptStaffInvitation } from './staff-acceptance.ts'

/** Invitations of people who are to work in an organization. `By`: somebody who gives roles there, which the gate has checked. */
export type StaffInvitations = {
  /** Those that were neither accepted nor cancelled, the latest first, up to a limit. */
  readonly list: (organization: string) => Promise<readonly PendingInvitation[]>
  /** Replaces one to the same address. If there is one with the id already, it was asked for twice, and nothing is done. */
  readonly invite: (by: By, asked: AskedInvitation) => Promise<InvitationProblems>
  /** The link that was sent before stops working. `until`: when it was to expire; if that is another time by now, it was sent again already. */
  readonly sendAgain: (by: By, shown: ShownInvitation) => Promise<'sent' | 'too-often' | 'unknown'>
  readonly cancel: (by: By, id: string) => Promise<boolean>
  /** Has letters that could not be sent, to staff and to patients, sent again in the background. */
  readonly retryFailed: () => Promise<void>
  /**
   * Undefined if the link is over, never existed, or is suspended, because the inviter gives no roles there any more, or the organization is
   * closed.
   */
  readonly find: (link: string) => Promise<StaffInvitation | undefined>
  /** The one that was accepted by this link, for whoever did that and works there: they go back to it, or have sent it twice. */
  readonly findUsed: (link: string, person: string) => Promise<StaffInvitation | undefined>
  /** Gives the role to the account with that address, and uses the link up. */
  readonly accept: (link: string, person: string) => Promise<'accepted' | 'over' | 'other-address' | 'own'>
}

type By = { readonly person: string; readonly organization: string }

type ShownInvitation = { readonly id: string; readonly until: Date }

export type SaidInvitation = { readonly email: string; readonly role: string }

/** `id`: which it is to have. */
type AskedInvitation = SaidInvitation & { readonly id: string }

/** Empty if the invitation was made. `belongs`: they already have a role there. */
export type InvitationProblems = {
  readonly email?: EmailProblem | 'own' | 'belongs' | 'too-often' | 'no-mail'
  readonly role?: 'unknown'
}

type Parts = {
  readonly accounts: Accounts
  readonly registry: Registry
  readonly administered: AdministeredOrganizations
  /** Has the letter of the invitation sent in the background; undefined if nothing can be sent. */
  readonly ask: ((invitation: string) => Promise<unknown>) | undefined
}

export const openStaffInvitations = (parts: Parts): StaffInvitations => ({
  list: organization => pendingStaffInvitations(parts.accounts.database, organization, mostListed),
  invite: (by, asked) => invite(parts, by, asked),
  sendAgain: (by, shown) => sendAgain(parts, by, shown),
  cancel: (by, id) => cancel(parts, by, id),
  retryFailed: () => retryFailed(parts),
  find: link => find(parts, link),
  findUsed: (link, person) => findUsed(parts, link, person),
  accept: (link, person) => accept(parts, link, person),
})

export const mostListed = 100

const invite = async (parts: Parts, by: By, { id, ...said }: AskedInvitation): Promise<InvitationProblems> => {
  const { accounts, ask } = parts
  const [email, role] = [toAddress(said.email), organizationRoles.find(one => one === said.role)]
  const problems = await problemsOf(parts, by, email)
  if (role === undefined) return { ...problems, role: 'unknown' }
  if (Object.keys(problems).length > 0) return problems
  const { person: inviter, organization } = by
  const made = await recordingChange<Sent>({ openStoreAs: accounts.openStoreAs, ...by }, async connection => {
    await takeTurnToInvite(connection, { organization, email })
    if (await isStaffInvitation(connection, id)) return unchanged('before')
    if (!(await mayWrite(parts, connection, { organization, email }))) return unchanged('too-often')
    await makeStaffInvitation(connection, { id, organization, role, email, inviter, days })
    return { answer: 'now', change: changeOf('C', id, `Somebody was invited as ${roleWord(role)}`) }
  })
  if (made === 'now') await ask?.(id)
  return made === 'too-often' ? { email: 'too-often' } : {}
}

/** `before`: it was asked for twice. */
type Sent = 'now' | 'before' | 'too-often' | 'unknown'

const unchanged = (answer: Sent) => ({ answer, change: undefined })

const problemsOf = async (
  { accounts: { database }, ask }: Parts,
  { person, organization }: By,
  email: string,
): Promise<InvitationProblems> => {
  if (ask === undefined) return { email: 'no-mail' }
  const problem = emailProblem(email)
  if (problem !== undefined) return { email: problem }
  const account = await findAccountByEmail(database, email)
  if (account?.person === person) return { email: 'own' }
  return account !== undefined && (await worksIn(database, account.person, organization)) ? { email: 'belongs' } : {}
}

/** To be asked once it is sure that there is something to send, and nobody else sends it at the same moment. */
const mayWrite = (
  { accounts: { secretKey } }: Parts,
  connection: Connection,
  { organization, email }: Pick<StaffInvitation, 'organization' | 'email'>,
): Promise<boolean> => mayWriteTo(connection, secretKey, letters, { organization, address: email })

/** Keeps people from being flooded with letters. */
const letters: Limit = { what: 'invitation into an organization', tries: 5, minutes: 60 }

const days = 7

const changeOf = (action: ConfigurationChange['action'], id: string, told: string): ConfigurationChange => ({
  action,
  id,
  told,
  details: {},
})

const sendAgain = async (
  parts: Parts,
  { person, organization }: By,
  { id, until }: ShownInvitation,
): Promise<'sent' | 'too-often' | 'unknown'> => {
  const { database, openStoreAs } = parts.accounts
  const pending = await findPendingInvitation(database, organization, id)
  if (pending === undefined) return 'unknown'
  const sent = await recordingChange<Sent>({ openStoreAs, person, organization }, async connection => {
    await takeTurnToInvite(connection, pending)
    const now = await findPendingInvitation(connection, organization, id)
    if (now?.expiresAt.getTime() !== until.getTime()) return unchanged(now === undefined ? 'unknown' : 'before')
    if (!(await mayWrite(parts, connection, now))) return unchanged('too-often')
    const renewed = await renewStaffInvitation(connection, { id, organization, inviter: person, days })
    if (renewed === undefined) throw new FhirError('not-found', 'There is no such invitation')
    return { answer: 'now', change: changeOf('U', id, 'An invitation into the organization was sent again') }
  })
  if (sent === 'now') await parts.ask?.(id)
  return sent === 'too-often' || sent === 'unknown' ? sent : 'sent'
}

const cancel = async (
  { accounts: { database, openStoreAs } }: Parts,
  { person, organization }: By,
  id: string,
): Promise<boolean> => {
  if ((await findPendingInvitation(database, organization, id)) === undefined) return false
  return recordingChange({ openStoreAs, person, organization }, async connection => {
    // Somebody may have accepted or cancelled it meanwhile.
    const answer = await endStaffInvitation(connection, id, 'cancelled')
    return {
      answer,
      change: answer ? changeOf('D', id, 'An invitation into the organization was cancelled') : undefined,
    }
  })
}

const retryFailed = async ({ accounts: { database }, ask }: Parts): Promise<void> => {
  for (const id of await retryFailedLetters(database)) await ask?.(id)
}

const find = async (parts: Parts, link: string): Promise<StaffInvitation | undefined> => {
  const invitation = await findStaffInvitation(parts.accounts.database, link)
  return invitation !== undefined && (await isStillGiven(parts, invitation)) ? invitation : undefined
}

const findUsed = async (
  { accounts: { database } }: Parts,
  link: string,
  person: string,
): Promise<StaffInvitation | undefined> => {
  const used = await findUsedStaffInvitation(database, link)
  if (used === undefined || (await findAccountOf(database, person))?.email !== used.email) return undefined
  return (await worksIn(database, person, used.organization)) ? used : undefined
}

/** Somebody who has lost the right to give a role must not give it by an old letter, and nobody is let into a closed organization. */
export const isStillGiven = async (
  { accounts: { database }, administered }: Pick<Parts, 'accounts' | 'administered'>,
  { inviter, organization }: StaffInvitation,
): Promise<boolean> =>
  !(await isBarredPerson(database, inviter)) &&
  !(await isClosed(database, organization)) &&
  (await administered.find(inviter, organization)) !== undefined

const accept = async (
  parts: Parts,
  link: string,
  person: string,
): Promise<'accepted' | 'over' | 'other-address' | 'own'> => {
  const invitation = await find(parts, link)
  if (invitation === undefined) return 'over'
  // The address may have become the inviter's own since they wrote to it.
  if (invitation.inviter === person) return 'own'
  if ((await findAccountOf(parts.accounts.database, person))?.email !== invitation.email) return 'other-address'
  return acceptStaffInvitation(parts, invitation, person)
}
