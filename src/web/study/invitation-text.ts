import type { ResearchStudy } from '@medplum/fhirtypes'
import { mayBeOfAddress } from '../../messages/undelivered.ts'
import { isInForce } from '../../storage/model/study.ts'
import type { InvitationState } from '../../storage/study/invitation-state.ts'
import type { MessageState } from '../../storage/study/message-state.ts'
import { reasonNotToAsk } from '../../studies/definition/study-status.ts'
import type { Invited } from '../../studies/invitation/invitations.ts'
import type { EnrolledPerson } from '../../studies/people/enrolled-people.ts'
import { type Html, html } from '../page/html.ts'
import { moment } from '../page/time.ts'
import { patientUrl } from '../patient/patient-back.ts'

/** Where a list says what they answered, there is nothing to add: nothing is waited for. That a place has ended is no answer. */
export const hasAnsweredUninvited = ({ invitation, messages }: Invited, { state }: EnrolledPerson): boolean =>
  invitation === undefined && messages.length === 0 && state !== undefined && state !== 'none' && state !== 'ended'

/** The state of an invitation, and what became of its messages; nothing if the reader may not know it. */
export const standingText = (
  invited: Invited | undefined,
  person: Standing,
  { study, hasOutbox }: { readonly study: ResearchStudy; readonly hasOutbox: boolean },
): Html | undefined =>
  invited &&
  html`<p>${invited.invitation === undefined ? uninvited(person.state) : told(invited.invitation)}</p>
${invited.messages.length > 0 && html`<ul class="text-body-secondary text-break">${invited.messages.slice(0, mostMessages).map(one => html`<li>${messageText(one, hasOutbox)}${isStillDue(one, person, study) && adviceOn(one, invited, study)}</li>`)}</ul>`}`

type Standing = Pick<EnrolledPerson, 'state' | 'isSilent' | 'isEarlier'>

/** Why no message can reach them, and who can change that; undefined if one can, or if the reader may not know it. */
export const unreachedText = (
  invited: Invited | undefined,
  { patient }: Pick<EnrolledPerson, 'patient'>,
  { study, back }: { readonly study: ResearchStudy; readonly back: string },
): Html | undefined => {
  const next = reasonNotToAsk(study) === undefined ? 'invite them again, or cancel it' : 'cancel it'
  if (invited?.isAstray && invited.lacked === undefined)
    return html`<p>The open invitation was sent to a number that cannot be one, so it may not have arrived: ${next}.</p>`
  if (invited?.lacked === undefined) return undefined
  const place =
    patient === undefined
      ? 'the patient’s page'
      : html`<a href="${patientUrl(patient.id ?? '', back)}">the patient’s page</a>`
  return html`<p>No message can reach them: their record lacks ${invited.lacked}. Whoever has registered them puts that right on ${place}.${invited.invitation?.isOpen && ` What was sent of the open invitation may not have arrived: then ${next}.`}</p>`
}

const uninvited = (state: EnrolledPerson['state']): string => {
  if (state === undefined || state === 'none') return 'Not invited yet.'
  return state === 'ended' ? 'Never invited.' : 'Answered without an invitation.'
}

const told = ({ isOpen, endedBy, madeAt, expiresAt }: InvitationState): Html => {
  if (endedBy !== null) return html`Invited ${moment(madeAt)}. ${ends[endedBy]}`
  if (!isOpen) return html`Invited ${moment(madeAt)}. The invitation no longer works.`
  return html`Invited ${moment(madeAt)}, open until ${moment(expiresAt)}.`
}

const mostMessages = 5

/** What became of a message, with how often it was tried and why it failed. */
const messageText = (
  { kind, channel, state, reason, tries, madeAt, endedAt }: MessageState,
  hasOutbox: boolean,
): Html => {
  const name = `${kinds[kind]}${sent[channel].message}`
  const tried = tries > 1 || (tries > 0 && state !== 'sent') ? ` Tried ${tries === 1 ? 'once' : `${tries} times`}.` : ''
  const because = reason === null ? '' : ` ${reason}.`
  switch (state) {
    case 'waiting':
      return html`The ${name} ${reason === null ? 'is being sent' : 'could not be sent yet, and is tried again'}.${tried}${because}`
    case 'sent':
      return html`The ${name} ${hasOutbox ? 'went to the outbox' : 'was sent'}: ${moment(endedAt ?? madeAt)}.${tried}`
    case 'failed':
      return html`The ${name} failed.${tried}${because}`
  }
}

/** Whether what failed can, and should, be said again, as far as the reader may know. */
const isStillDue = (
  { kind, isUnsaid, isAnswered }: MessageState,
  { state, isSilent, isEarlier }: Standing,
  study: ResearchStudy,
): boolean => {
  if (!isUnsaid || (isAnswered && state !== undefined)) return false
  if (kind === 'silence') return isSilent && isInForce(study)
  return reasonNotToAsk(study) === undefined && (kind !== 'changed' || isEarlier)
}

const adviceOn = (message: MessageState, invited: Invited, study: ResearchStudy): Html => {
  const [check, invite, remind] = mayBeOfAddress(message.reason ?? '')
    ? [` Check the ${sent[message.channel].address}, and `, 'invite', 'remind']
    : [' ', 'Invite', 'Remind']
  return isToBeReminded(message, invited)
    ? html`${check}<a href="/studies/${study.id}/invitations?invited=failed">${remind} them again</a>.`
    : html`${check}${invite} them again.`
}

/** Reminders of an invitation that works no more are of no use, and it ends with its address if that is corrected. */
const isToBeReminded = ({ kind, reason }: MessageState, { invitation }: Invited): boolean => {
  if (kind !== 'reminder') return kind !== 'invitation'
  return invitation?.endedBy === 'used' || (invitation?.isOpen === true && !mayBeOfAddress(reason ?? ''))
}

const kinds: Readonly<Record<MessageState['kind'], string>> = {
  invitation: '',
  reminder: 'reminder by ',
  silence: 'reminder to send data, by ',
  changed: 'reminder of the new text, by ',
}

export const sent: Readonly<Record<MessageState['channel'], { readonly message: string; readonly address: string }>> = {
  email: { message: 'e-mail', address: 'e-mail address' },
  sms: { message: 'text message', address: 'mobile number' },
}

const ends: Readonly<Record<NonNullable<InvitationState['endedBy']>, string>> = {
  used: 'The patient has used it.',
  cancelled: 'It was cancelled.',
  replaced: 'It was replaced.',
  tries: 'It ended after five wrong tries.',
  address: 'It ended, because the address was changed: no link was sent to the new one.',
}
