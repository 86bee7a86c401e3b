import { createHmac, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Channels } from '../../messages/channels.ts'
import { toGsm } from '../../messages/gsm.ts'
import { endOfTries, type Limit, mayTry, takeBackTry } from '../../storage/account/attempt.ts'
import { findInvitation, type Invitation } from '../../storage/study/invitation.ts'
import { addCode, setCodeSent, setCodeUnsent } from '../../storage/study/invitation-code.ts'

type Parts = {
  readonly accounts: Pick<Accounts, 'database' | 'secretKey' | 'reportFault'>
  readonly channels: Channels
  /** For how long somebody waits to be told what became of it. */
  readonly waitingMs?: number
}

export type CodeSent =
  | { readonly kind: 'sent' }
  /** It is not known yet. What became of it is known as soon as it is. */
  | { readonly kind: 'sending' }
  | { readonly kind: 'over' }
  /** The server that is to send it does not. What was sent before still works. */
  | { readonly kind: 'unsent'; readonly channel: Invitation['channel'] }
  /** No code was sent. `until`: when one can be sent again. */
  | { readonly kind: 'too-often'; readonly until: Date; readonly channel: Invitation['channel'] }

/** Always to the address that was invited, whoever asks for it. */
export const sendCode = async (parts: Parts, link: string, words: Words): Promise<CodeSent> => {
  const { database, secretKey, reportFault } = parts.accounts
  const invitation = await findInvitation(database, link)
  if (invitation === undefined) return { kind: 'over' }
  const { id, channel } = invitation
  if (!(await mayTry(database, secretKey, codes, id)))
    return { kind: 'too-often', until: await endOfTries(database, secretKey, codes, id), channel }
  const code = String(randomInt(1_000_000)).padStart(6, '0')
  const hash = hashOf(secretKey, invitation, code)
  if (!(await addCode(database, invitation, hash))) return { kind: 'over' }
  const sending = settled(parts, invitation, hash, writeCode(parts.channels, invitation, words, code))
  const answer = await Promise.race([sending, pause(parts.waitingMs ?? usualMs, underWay, { ref: false })])
  if (answer.kind === 'sending') sending.catch(reportFault)
  return answer
}

/** A page that tells nothing for longer is reloaded, or its button pressed again. */
const usualMs = 3000

const underWay = { kind: 'sending' } as const

/** One that is not sent must not end the one before. */
const settled = async (
  { accounts: { database, secretKey } }: Parts,
  { id, channel }: Invitation,
  code: Buffer,
  sending: Promise<boolean | undefined>,
): Promise<CodeSent> => {
  if (await sending) {
    await setCodeSent(database, id, code)
    return { kind: 'sent' }
  }
  await setCodeUnsent(database, id, code)
  if (await mayTry(database, secretKey, unsentCodes, id)) await takeBackTry(database, secretKey, codes, id)
  return { kind: 'unsent', channel }
}

/** For each invitation. */
const codes: Limit = { what: 'code of an invitation', tries: 5, minutes: 60 }

/** Whoever has the link must not keep a mail server or a gateway busy that takes nothing. */
const unsentCodes: Limit = { what: 'code of an invitation that was not sent', tries: 20, minutes: 60 }

/** The hash is keyed: six digits without a key would soon be found by whoever reads the database. */
export const hashOf = (secretKey: Uint8Array, { id }: Invitation, code: string): Buffer =>
  createHmac('sha256', secretKey).update(`invitation ${id} ${code}`).digest()

const writeCode = async (
  { email, sms }: Channels,
  { channel, address: to }: Invitation,
  { say }: Words,
  code: string,
): Promise<boolean | undefined> => {
  if (channel === 'sms') return sms?.sendNow({ to, text: toGsm(say('code-sms.text', { code })) })
  return email?.sendNow({
    to,
    subject: say('code-letter.subject', { code }),
    text: say('code-letter.text', { code }),
  })
}
