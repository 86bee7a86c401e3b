import { createHmac, randomInt } from 'node:crypto'
import type { Person } from '@medplum/fhirtypes'
import type { Accounts } from '../../accounts/accounts.ts'
import { digitsOf } from '../../accounts/sign-in/code.ts'
import { makeAccount, type NewAccountAnswer } from '../../accounts/sign-up/new-account.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Channels } from '../../messages/channels.ts'
import { toGsm } from '../../messages/gsm.ts'
import { endOfTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import { makeLink } from '../../storage/account/link.ts'
import { toAddress } from '../../storage/account/user-account.ts'
import { holdAccount, isAnotherHuman } from '../../storage/study/another-human.ts'
import { appsOfLink, appToken } from '../../storage/study/app-invitation.ts'
import {
  findInvitation,
  findProven,
  type Invitation,
  isOfAnother,
  isProofLate,
  makeProof,
  setCode,
  studyTakenUp,
  tryProof,
  useInvitation,
} from '../../storage/study/invitation.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { recordingInvitation } from './invitation-event.ts'

/** What whoever has a link does with it. Nothing of the study or the patient is told before they have shown who they are. */
export type Acceptance = {
  /** Undefined where the link is over, or never was. */
  readonly find: (link: string) => Promise<Invitation | undefined>
  /** The study into which the person has come before, by that link or with that cookie, which are over since. */
  readonly takenUp: (secret: string, person: string) => Promise<string | undefined>
  /** Apps that take the invitation up by themselves, for whoever came by a message, and the link for each. */
  readonly appsFor: (link: string) => Promise<readonly { readonly name: string; readonly link: string }[]>
  /** To the address that was invited, whoever asks for it. */
  readonly sendCode: (link: string, words: Words) => Promise<CodeSent>
  readonly prove: (link: string, shown: Shown) => Promise<Proof>
  /** By what the browser that has shown who it belongs to keeps. */
  readonly findProven: (cookie: string) => Promise<Invitation | undefined>
  /** Whether that browser has taken too long since, and its link still works. */
  readonly isLate: (cookie: string) => Promise<boolean>
  /** Whoever takes another address than the one that was invited, whose mail they have shown to read, is asked to confirm it. */
  readonly makeAccount: (
    invitation: Invitation,
    account: NewHolder,
  ) => Promise<NewAccountAnswer | { readonly kind: 'too-often' }>
  /** Whether the account is that of somebody with another birth date than the Patient. */
  readonly isAnotherPerson: (invitation: Invitation, person: string) => Promise<boolean>
  /** The account becomes that of the Patient. The invitation is used up by it, and by nothing else. */
  readonly accept: (invitation: Invitation, person: string) => Promise<Accepted>
}

type CodeSent =
  | { readonly kind: 'sent' }
  | { readonly kind: 'over' }
  /** None was sent. `until`: when there is one again. */
  | { readonly kind: 'too-often'; readonly until: Date; readonly channel: Invitation['channel'] }

type Shown = { readonly birthDate: string; readonly code: string }

type Proof =
  /** `cookie` is for the browser alone. */
  | { readonly kind: 'proven'; readonly cookie: string }
  /** `late`: the code has run out, whatever was shown. */
  | { readonly kind: 'wrong' | 'late' | 'over' }

type NewHolder = {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly device: string
  readonly language: string
}

/**
 * `taken`: the Patient is another account's. `another-person`: the account is that of somebody with another birth date.
 * `two-consents`: two records of the person have answered the same study.
 */
export type Accepted = 'accepted' | 'taken' | 'another-person' | 'two-consents' | 'over'

type Parts = { readonly accounts: Accounts; readonly channels: Channels }

export const openAcceptance = ({ accounts, channels }: Parts): Acceptance => {
  const { database, secretKey } = accounts
  return {
    find: link => findInvitation(database, link),
    takenUp: (secret, person) => studyTakenUp(database, secret, person),
    appsFor: async link =>
      (await appsOfLink(database, link)).map(({ client, name, url }) => ({
        name,
        link: url.replace('CODE', encodeURIComponent(`${new URL(accounts.address()).host}_${appToken(link, client)}`)),
      })),
    findProven: cookie => findProven(database, cookie),
    isLate: cookie => isProofLate(database, cookie),
    sendCode: async (link, words) => {
      const invitation = await findInvitation(database, link)
      if (invitation === undefined) return { kind: 'over' }
      const { id, channel } = invitation
      if (!(await mayTry(database, secretKey, codes, id)))
        return { kind: 'too-often', until: await endOfTries(database, secretKey, codes, id), channel }
      const code = String(randomInt(1_000_000)).padStart(6, '0')
      await setCode(database, invitation, hashOf(secretKey, invitation, code))
      sendCode(channels, invitation, words, code)
      return { kind: 'sent' }
    },
    prove: async (link, { birthDate, code }) => {
      const invitation = await findInvitation(database, link)
      if (invitation === undefined) return { kind: 'over' }
      const { id } = invitation
      const shown = { birthDate: birthDate.trim(), code: hashOf(secretKey, invitation, digitsOf(code)) }
      const { answer, message } = await tryProof(database, id, shown)
      if (answer === 'right') return { kind: 'proven', cookie: await makeProof(database, { id, message }) }
      if (answer === 'ended') await recordEnd(accounts, invitation)
      return { kind: answer === 'ended' ? 'over' : answer }
    },
    makeAccount: async (invitation, holder) => {
      if (accounts.signUp === 'closed') return { kind: 'link-is-over' }
      const { id, channel, address } = invitation
      const isInvited = channel === 'email' && toAddress(holder.email) === toAddress(address)
      // Who may choose an address must not learn of many whether they have accounts.
      if (!isInvited && !(await mayTry(database, secretKey, accountTries, id))) return { kind: 'too-often' }
      const named = isInvited ? { email: address } : {}
      const asked = { purpose: 'new-account', administrator: false, wasSent: isInvited, ...named } as const
      return makeAccount(accounts, await makeLink(database, asked, minutesForAccount), holder)
    },
    isAnotherPerson: ({ patient }, person) => isAnotherHuman(database, { person, patient }),
    accept: (invitation, person) => accept(accounts, invitation, person),
  }
}

/** Of each invitation. */
const codes: Limit = { what: 'code of an invitation', tries: 5, minutes: 60 }

const accountTries: Limit = { what: 'account by an invitation', tries: 10, minutes: 60 }

/** It is used in the same request. */
const minutesForAccount = 5

/** Six digits are soon tried by whoever reads the database, so the hash is keyed. */
const hashOf = (secretKey: Uint8Array, { id }: Invitation, code: string): Buffer =>
  createHmac('sha256', secretKey).update(`invitation ${id} ${code}`).digest()

const sendCode = (channels: Channels, { channel, address: to }: Invitation, { say }: Words, code: string): void => {
  if (channel === 'sms') channels.sms?.send({ to, text: toGsm(say('code-sms.text', { code })) })
  else {
    const [subject, text] = [say('code-letter.subject', { code }), say('code-letter.text', { code })]
    channels.email?.send({ to, subject, text })
  }
}

/** The last wrong try has ended it already; of several at once one tells. */
const recordEnd = async ({ openStoreAs }: Accounts, { patient, study }: Invitation): Promise<void> => {
  await recordingInvitation(
    openStoreAs,
    { what: 'wrong-tries', by: undefined, patient, study, organization: undefined },
    async () => true,
  )
}

const accept = async (
  { openStoreAs }: Accounts,
  { id, patient, study }: Invitation,
  person: string,
): Promise<Accepted> => {
  const principal = { kind: 'person', id: person } as const
  try {
    const event = { what: 'used', by: principal, patient, study, organization: undefined } as const
    const accepted = await recordingInvitation(openStoreAs, event, async (connection, store) => {
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

/** Thrown, so that nothing of it is kept. */
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
