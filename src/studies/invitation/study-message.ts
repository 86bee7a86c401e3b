import type { Organization, Patient, ResearchStudy } from '@medplum/fhirtypes'
import type { Accounts } from '../../accounts/accounts.ts'
import { ownStore } from '../../accounts/person.ts'
import { visibleName } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Channels } from '../../messages/channels.ts'
import { toGsm } from '../../messages/gsm.ts'
import { Undelivered, undeliveredBy } from '../../messages/undelivered.ts'
import type { Database } from '../../storage/database.ts'
import { addressesOf } from '../../storage/model/patient-address.ts'
import { isInForce, isOver } from '../../storage/model/study.ts'
import { keepAppInvitations } from '../../storage/study/app-invitation.ts'
import {
  endMessage,
  type MessageToSend,
  noteReason,
  nothingMoreToSay,
  takeMessage,
} from '../../storage/study/study-message.ts'
import type { Attempt } from '../../storage/work/queue.ts'
import { reasonNotToAsk } from '../definition/study-status.ts'
import { reasonNotToWrite } from '../patient/reason-not-to-write.ts'
import { invitationUrl } from './invitations.ts'

export type LetterParts = {
  readonly accounts: Pick<Accounts, 'openStoreAs' | 'address'>
  readonly database: Database
  readonly channels: Channels
}

type Sending = Attempt & {
  /** Messages that this process has sent while the database was away in which that is to be noted: trying again only notes it. */
  readonly sent: Set<string>
}

/** Sends a message that waits. Throws if it could not be sent and is to be tried again; if it is not to be tried again, it is marked as failed. */
export const sendMessage = async (parts: LetterParts, id: string, { isLast, sent }: Sending): Promise<void> => {
  try {
    if (!sent.has(id)) await sendOnce(parts, id, sent)
    if (sent.has(id)) await endMessage(parts.database, id)
    sent.delete(id)
  } catch (error) {
    if (sent.has(id)) throw error
    const { message: reason, isUncertain, isFinal } = undeliveredBy(error)
    const isOver = isUncertain || isFinal
    await (isOver || isLast(error) ? endMessage : noteReason)(parts.database, id, reason)
    if (!isOver) throw error
  }
}

const sendOnce = async (parts: LetterParts, id: string, sent: Set<string>): Promise<void> => {
  const message = await takeMessage(parts.database, id)
  if (message === undefined) return
  const patient = await read<Patient>(parts, 'Patient', message.patient)
  const study = message.study === null ? undefined : await read<ResearchStudy>(parts, 'ResearchStudy', message.study)
  const about = { patient, study }
  const why = reasonNotToSend(message, about)
  if (why !== undefined) return endMessage(parts.database, id, why)
  if (message.expiresAt !== null) await keepAppInvitations(parts.database, { message: id, secret: message.secret })
  await deliver(parts, message, about)
  sent.add(id)
}

/** What a message is about, as it stands when it is sent; empty if it is there no more. `study`: undefined if it is about none. */
type Present = { readonly patient: Partial<Patient>; readonly study: Partial<ResearchStudy> | undefined }

/** These tell of what may not have been the patient, and are sent whoever reads them. */
const warning: ReadonlySet<MessageToSend['kind']> = new Set(['address-changed', 'taken-up'])

/** The patient may have died since it was asked for, or the study have been paused or completed, or taken up again. */
const reasonNotToSend = (message: MessageToSend, { patient, study }: Present): string | undefined => {
  const { kind } = message
  if (warning.has(kind)) return undefined
  if (reasonNotToWrite(patient) !== undefined) return 'Nobody writes to this patient any more'
  const reasonOf = reasons[kind]
  if (reasonOf === undefined) return undefined
  if (toMany.has(kind) && !isAddressOf(patient, message)) return nothingMoreToSay
  return reasonOf({ resourceType: 'ResearchStudy', ...study } as ResearchStudy)
}

/** These are written to many people at once, and may have met an address in the moment in which it was changed. */
const toMany: ReadonlySet<MessageToSend['kind']> = new Set(['study-ended', 'study-resumed'])

const isAddressOf = (patient: Partial<Patient>, { address }: MessageToSend): boolean =>
  addressesOf({ resourceType: 'Patient', ...patient }).some(one => one.address === address)

const notRead = (study: ResearchStudy): string | undefined =>
  isInForce(study) ? undefined : 'Nobody reads anything for the study any more'

/** Of the messages that depend on how the study stands when they are sent. */
const reasons: Partial<Record<MessageToSend['kind'], (study: ResearchStudy) => string | undefined>> = {
  invitation: reasonNotToAsk,
  reminder: reasonNotToAsk,
  changed: reasonNotToAsk,
  silence: notRead,
  'study-ended': study => (isOver(study) ? undefined : nothingMoreToSay),
  'study-resumed': study => (isInForce(study) ? undefined : nothingMoreToSay),
}

const deliver = async (parts: LetterParts, message: MessageToSend, about: Present): Promise<void> => {
  const { channels } = parts
  const { kind, channel, address: to, expiresAt, since, secret } = message
  const { say, moment } = wordsFor(languageOf(about.patient))
  const organization = await organizationOf(parts, about)
  const isLinked = expiresAt !== null
  const page = kind === 'taken-up' ? '/account/apps' : '/sharing'
  const link = isLinked ? invitationUrl(parts.accounts, secret) : `${parts.accounts.address()}${page}`
  const values = {
    organization,
    link,
    until: isLinked ? moment(expiresAt) : '',
    since: since === null ? '' : moment(since),
  }
  const text = textsOf[kind === 'reminder' && !isLinked ? 'answer' : kind]
  if (channels[channel] === undefined) throw new Undelivered(notConfigured[channel])
  switch (channel) {
    case 'email':
      return channels.email?.deliver({ to, subject: say(text.subject), text: say(text.letter, values) })
    case 'sms':
      return channels.sms?.deliver({ to, text: smsOf(say, text.sms, values) })
  }
}

/** The name is cut off, so that the message is no longer than two segments, or three if the name is in a script that needs them. */
const smsOf = (say: Words['say'], key: Key, values: Readonly<Record<string, string>>): string => {
  const organization = [...toGsm(values.organization ?? '')].slice(0, 40).join('')
  return toGsm(say(key, { ...values, organization }))
}

type Key = Parameters<Words['say']>[0]

/** The subject of a study may reveal what somebody suffers from, so no text names the study. */
const textsOf = {
  invitation: { subject: 'letter.subject', letter: 'letter.text', sms: 'letter-sms.text' },
  reminder: { subject: 'reminder.subject', letter: 'reminder.text', sms: 'reminder-sms.text' },
  /** If the invitation was used, but nothing is answered yet. */
  answer: { subject: 'answer.subject', letter: 'answer.text', sms: 'answer-sms.text' },
  silence: { subject: 'silence.subject', letter: 'silence.text', sms: 'silence-sms.text' },
  /** If they share by an earlier text than the one to sign now. */
  changed: { subject: 'changed.subject', letter: 'changed.text', sms: 'changed-sms.text' },
  'taken-up': { subject: 'taken-up.subject', letter: 'taken-up.text', sms: 'taken-up-sms.text' },
  'given-for': { subject: 'given-for.subject', letter: 'given-for.text', sms: 'given-for-sms.text' },
  'ended-for': { subject: 'ended-for.subject', letter: 'ended-for.text', sms: 'ended-for-sms.text' },
  'place-ended': { subject: 'place-ended.subject', letter: 'place-ended.text', sms: 'place-ended-sms.text' },
  'study-ended': { subject: 'study-ended.subject', letter: 'study-ended.text', sms: 'study-ended-sms.text' },
  'study-resumed': { subject: 'study-resumed.subject', letter: 'study-resumed.text', sms: 'study-resumed-sms.text' },
  'address-changed': { subject: 'old-address.subject', letter: 'old-address.text', sms: 'old-address-sms.text' },
} as const satisfies Readonly<Record<string, { readonly subject: Key; readonly letter: Key; readonly sms: Key }>>

const notConfigured = {
  email: 'This server sends no e-mail: its operator sets SMTP_URL',
  sms: 'This server sends no text messages: its operator sets TWILIO_ACCOUNT_SID or SMS_GATEWAY_URL',
} as const

const languageOf = ({ communication = [] }: Partial<Patient>): string | undefined => {
  const { language } = communication.find(({ preferred }) => preferred) ?? communication[0] ?? {}
  return language?.coding?.[0]?.code
}

/** The organization to which the study belongs, or if it is about no study, the one that registered the patient. */
const organizationOf = async (parts: LetterParts, { patient, study }: Present): Promise<string> => {
  const named = study?.sponsor ?? patient.managingOrganization
  const id = namedId(named, 'Organization')
  return (
    visibleName(id === undefined ? undefined : (await read<Organization>(parts, 'Organization', id)).name)?.replace(
      /\s+/g,
      ' ',
    ) ?? 'Sharewell'
  )
}

const read = async <R extends Patient | ResearchStudy | Organization>(
  { accounts }: LetterParts,
  type: R['resourceType'],
  id: string,
): Promise<Partial<R>> => {
  const stored = await unlessRefused(() => ownStore(accounts.openStoreAs).read(type, id))
  return stored === undefined ? {} : JSON.parse(stored.content)
}
