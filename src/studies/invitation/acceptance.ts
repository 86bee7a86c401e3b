import type { Person } from '@medplum/fhirtypes'
import type { Accounts } from '../../accounts/accounts.ts'
import { digitsOf } from '../../accounts/sign-in/code.ts'
import { makeAccount, type NewAccountAnswer } from '../../accounts/sign-up/new-account.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Channels } from '../../messages/channels.ts'
import { type Limit, mayTry } from '../../storage/account/attempt.ts'
import { holdAccount, holdPatient } from '../../storage/account/hold-account.ts'
import { makeLink } from '../../storage/account/link.ts'
import { toAddress } from '../../storage/account/user-account.ts'
import { settledTransaction } from '../../storage/settled-transaction.ts'
import { isAnotherHuman } from '../../storage/study/another-human.ts'
import { appsOfLink, appToken } from '../../storage/study/app-invitation.ts'
import {
  findInvitation,
  findProven,
  type Invitation,
  isOfAnother,
  isProofLate,
  makeProof,
  studyTakenUp,
  useInvitation,
} from '../../storage/study/invitation.ts'
import { findCodeState, tryProof } from '../../storage/study/invitation-code.ts'
import { findInvitationEnd, type InvitationEnd } from '../../storage/study/invitation-end.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { recordingInvitation } from './invitation-event.ts'
import { type CodeSent, hashOf, sendCode } from './invited-code.ts'

/** What can be done with the link of an invitation. Nobody is told anything of the study or the patient before they have shown who they are. */
export type Acceptance = {
  /** Undefined if the link has ended, or never was one. */
  readonly find: (link: string) => Promise<Invitation | undefined>
  /** When it ended, if it was one. */
  readonly findEnd: (link: string) => Promise<InvitationEnd | undefined>
  /** The study that the person has already joined by that link or that cookie, which have ended since. */
  readonly takenUp: (secret: string, person: string) => Promise<string | undefined>
  /** Apps that can take up the invitation of a message by themselves, with a link for each. */
  readonly appsFor: (link: string) => Promise<readonly { readonly name: string; readonly link: string }[]>
  /** Always to the address that was invited, whoever asks for it. */
  readonly sendCode: (link: string, words: Words) => Promise<CodeSent>
  /** What became of the code that was asked for last; undefined if it was sent, may have been, or there is none. */
  readonly codeState: (invitation: Invitation) => Promise<'sending' | 'unsent' | undefined>
  readonly prove: (link: string, shown: Shown) => Promise<Proof>
  /** By the cookie of a browser in which somebody has shown who they are. */
  readonly findProven: (cookie: string) => Promise<Invitation | undefined>
  /** Whether too much time has passed in that browser since then, though its link still works. */
  readonly isLate: (cookie: string) => Promise<boolean>
  /** The address that was invited is known to be theirs, since its mail was read; whoever takes another one is asked to confirm it. */
  readonly makeAccount: (invitation: Invitation, account: NewHolder) => Promise<AccountMade>
  /** Whether the account is that of somebody with another birth date than the Patient's. */
  readonly isAnotherPerson: (invitation: Invitation, person: string) => Promise<boolean>
  /** Makes the account that of the Patient. This, and nothing else, uses up the invitation. */
  readonly accept: (invitation: Invitation, person: string) => Promise<Accepted>
}

type Shown = { readonly birthDate: string; readonly code: string }

type Proof =
  /** `cookie`: for this browser alone. */
  | { readonly kind: 'proven'; readonly cookie: string }
  /** `late`: the code has expired or is used, whatever was shown. `ended`: it was wrong so often that the invitation has ended by this try. */
  | { readonly kind: 'wrong' | 'late' | 'ended' | 'over' }

/** `taken`: the Patient has an account, and none was made. */
type AccountMade = NewAccountAnswer | { readonly kind: 'too-often' | 'taken' }

type NewHolder = {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly device: string
  readonly language: string
}

/**
 * `taken`: the Patient has another account. `another-person`: the account is that of somebody with another birth date.
 * `two-consents`: two records of the person have answered the same study.
 */
export type Accepted = 'accepted' | 'taken' | 'another-person' | 'two-consents' | 'over'

type Parts = { readonly accounts: Accounts; readonly channels: Channels }

export const openAcceptance = (parts: Parts): Acceptance => {
  const { accounts } = parts
  const { database } = accounts
  return {
    find: link => findInvitation(database, link),
    findEnd: link => findInvitationEnd(database, link),
    takenUp: (secret, person) => studyTakenUp(database, secret, person),
    appsFor: link => appsFor(accounts, link),
    sendCode: (link, words) => sendCode(parts, link, words),
    codeState: ({ id }) => findCodeState(database, id),
    prove: (link, shown) => prove(accounts, link, shown),
    findProven: cookie => findProven(database, cookie),
    isLate: cookie => isProofLate(database, cookie),
    makeAccount: (invitation, holder) => makeHolder(accounts, invitation, holder),
    isAnotherPerson: ({ patient }, person) => isAnotherHuman(database, { person, patient }),
    accept: (invitation, person) => accept(accounts, invitation, person),
  }
}

const appsFor = async ({ database, address }: Accounts, link: string) =>
  (await appsOfLink(database, link)).map(({ client, name, url }) => ({
    name,
    link: url.replace('CODE', encodeURIComponent(`${new URL(address()).host}_${appToken(link, client)}`)),
  }))

const prove = async (accounts: Accounts, link: string, { birthDate, code }: Shown): Promise<Proof> => {
  const { database, secretKey } = accounts
  const invitation = await findInvitation(database, link)
  if (invitation === undefined) return { kind: 'over' }
  const { id } = invitation
  const shown = { birthDate: birthDate.trim(), code: hashOf(secretKey, invitation, digitsOf(code)) }
  // Together, so that whoever is told to come again can send the same code again.
  const proof = await settledTransaction(database, async (connection): Promise<Proof> => {
    const { answer, message } = await tryProof(connection, id, shown)
    if (answer !== 'right') return { kind: answer }
    return { kind: 'proven', cookie: await makeProof(connection, { id, message }) }
  })
  if (proof.kind === 'ended') await recordEnd(accounts, invitation)
  return proof
}

/** The last wrong try has ended the invitation already; of several at once, only one is told so, and records it. */
const recordEnd = async ({ openStoreAs }: Accounts, { patient, study }: Invitation): Promise<void> => {
  await recordingInvitation(
    openStoreAs,
    { what: 'wrong-tries', by: undefined, patient, study, organization: undefined },
    async () => true,
  )
}

const makeHolder = async (
  accounts: Accounts,
  { id, channel, address, patient }: Invitation,
  holder: NewHolder,
): Promise<AccountMade> => {
  const { database, secretKey } = accounts
  if (accounts.signUp === 'closed') return { kind: 'link-is-over' }
  // They would be left with an account that opens nothing, and keeps its address from the one that they have.
  if (await isOfAnother(database, patient, nobodyYet)) return { kind: 'taken' }
  const isInvited = channel === 'email' && toAddress(holder.email) === toAddress(address)
  // Whoever may choose an address must not be able to find out about many of them whether they have accounts.
  if (!isInvited && !(await mayTry(database, secretKey, accountTries, id))) return { kind: 'too-often' }
  const named = isInvited ? { email: address } : {}
  const asked = { purpose: 'new-account', administrator: false, wasSent: isInvited, ...named } as const
  return makeAccount(accounts, await makeLink(database, asked, minutesForAccount), holder)
}

const nobodyYet = ''

const accountTries: Limit = { what: 'account by an invitation', tries: 10, minutes: 60 }

/** The link is used in the same request. */
const minutesForAccount = 5

const accept = async (
  { openStoreAs }: Accounts,
  { id, patient, study }: Invitation,
  person: string,
): Promise<Accepted> => {
  const principal = { kind: 'person', id: person } as const
  try {
    const event = { what: 'used', by: principal, patient, study, organization: undefined } as const
    const accepted = await recordingInvitation(openStoreAs, event, async (connection, store) => {
      await holdPatient(connection, patient)
      if (await isOfAnother(connection, patient, person)) throw new Refused('taken')
      await holdAccount(connection, person)
      if (await isAnotherHuman(connection, { person, patient })) throw new Refused('another-person')
      if (!(await useInvitation(connection, id))) return undefined
      await writeOrThrow(store, {
        kind: 'patch',
        type: 'Person',
        id: person,
        change: stored => linked(stored as Person, patient),
      })
      return true
    })
    return accepted === undefined ? 'over' : 'accepted'
  } catch (error) {
    if (error instanceof Refused) return error.answer
    if (error instanceof FhirError && error.status === 409) return 'two-consents'
    throw error
  }
}

/** Thrown, so that the transaction is rolled back. */
class Refused extends Error {
  readonly answer: 'taken' | 'another-person'
  constructor(answer: Refused['answer']) {
    super(answer)
    this.answer = answer
  }
}

const linked = (person: Person, patient: string): Person => {
  const reference = `Patient/${patient}`
  if (person.link?.some(({ target }) => target.reference === reference)) return person
  return { ...person, link: [...(person.link ?? []), { target: { reference }, assurance: 'level2' }] }
}
