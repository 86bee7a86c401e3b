import type { Consent } from '@medplum/fhirtypes'
import { inactivationReason } from '../../access/vocabulary.ts'
import { extensionOf } from '../../fhir/extension.ts'
import type { Words } from '../../messages/catalogue.ts'
import { joiningReasons, whyEndedByJoining } from '../../storage/model/consent/left-consents.ts'
import { type StudyAsked, statusOfAnswer } from '../../studies/consent/own-study.ts'
import { isSignedEarlier } from '../../studies/consent/patient-text.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { keptOf } from './sharing-line.ts'

/** What they have answered, or what has become of it; undefined if they have not been asked. `done`: what they did a moment ago. */
export const standing = (asked: StudyAsked, words: Words, done = ''): Html | undefined => {
  const { say } = words
  const { study, consent } = asked
  const key = standingOf(asked, done)
  const reason = extensionOf(consent ?? {}, inactivationReason)?.valueCodeableConcept?.text
  const isEndedByOthers = consent?.status === 'inactive' && reason !== undefined
  const copy = asked.signed !== undefined && copyLink(`/sharing/${study.id}/copy`, consent, words)
  if (key === undefined && !copy) return undefined
  return html`${notice(done === '' ? 'settled' : 'done', html`${key && html`<p>${say(key)}</p>`}${isEndedByOthers && endedByOthers(consent, reason, words)}${keptOf(asked, words)}${copy}${key === 'study.signed' && thenConnect(words)}`)}${asked.isInForce && !asked.isUnfinished && isSignedEarlier(asked) && notice('standing', html`<p>${say('study.changed')}</p>`)}`
}

/** To what they signed. Whoever comes back later looks there for what they shared, and until when. */
export const copyLink = (address: string, consent: Consent | undefined, { say }: Words): Html =>
  html`<p><a href="${address}">${say('copy.link')}</a>${consent?.status !== 'active' && html` ${say('copy.says-until')}`}</p>`

/** Without an app that sends, a signature brings nothing. */
const thenConnect = ({ say }: Words): Html =>
  html`<p>${say('study.then-connect')} <a href="/account/apps">${say('sharing.apps')}</a></p>`

const endedByOthers = (consent: Consent, reason: string, { say }: Words): Html => {
  const why = whyEndedByJoining(consent)
  const isSaid = why !== undefined && reason === joiningReasons[why]
  return html`${why !== undefined && html`<p>${say(joiningWords[why])}</p>`}${!isSaid && html`<p>${say('study.ended-by-staff', { reason })}</p>`}`
}

const joiningWords = {
  left: 'study.ended-by-joining',
  unproven: 'study.ended-unproven',
  refused: 'study.ended-refused',
} as const

const standingOf = (asked: StudyAsked, done: string) => {
  const { isEnrolled, isInForce, sharings } = asked
  if (!isEnrolled) return placeKey(asked)
  const isKept = sharings.some(({ kept }) => kept !== undefined)
  switch (statusOfAnswer(asked)) {
    case 'active':
      if (!isInForce) return 'study.agreed'
      if (!sharings.some(({ lines }) => lines.length > 0)) return 'study.idle'
      return done === 'signed' ? 'study.signed' : 'study.now'
    case 'rejected':
      return saidNo(asked, isKept)
    case 'inactive':
      return isKept ? 'study.ended-kept' : 'study.ended'
    default:
      return undefined
  }
}

/** For somebody who has no place in the study now. */
export const placeKey = ({ isToCome }: Pick<StudyAsked, 'isToCome'>) => (isToCome ? 'study.to-come' : 'study.left')

/** Says that they may say yes later only if they may. */
const saidNo = ({ isInForce, isClosed }: StudyAsked, isKept: boolean) => {
  if (!isInForce || isClosed) return isKept ? 'study.refused-kept' : 'study.refused'
  return isKept ? 'study.declined-kept' : 'study.declined'
}
