import type { ContactPoint, Patient } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { mobileText, toMobile } from '../../storage/model/mobile-number.ts'
import { isOf } from '../../storage/model/patient-address.ts'
import { reasonNotToWrite } from '../../studies/patient/reason-not-to-write.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment } from '../page/time.ts'
import { dateShown } from '../page/typed-day.ts'

/** Who a patient is. If the page has their only name as its title, it is not repeated. */
export const patientFacts = (patient: Patient, words: Words = wordsFor('en'), title?: string): Html => {
  const { name = [], birthDate, gender, identifier = [], telecom = [] } = patient
  const { say } = words
  const names = name.map(nameText)
  const isTitled = names.length === 1 && names[0] === title
  return html`<dl class="facts">
${!isTitled && html`<div><dt>${say('chart.name')}</dt>${names.length === 0 ? html`<dd>${say('chart.not-known')}</dd>` : names.map(one => html`<dd>${one}</dd>`)}</div>`}
<div><dt>${say('chart.birth-date')}</dt><dd>${birthDate === undefined ? say('chart.not-known') : dayText(birthDate, words)}</dd></div>
${vitalFact(patient, words)}
<div><dt>${say('chart.gender')}</dt><dd>${gender === undefined ? say('chart.not-known') : say(`chart.gender-${gender}`)}</dd></div>
<div><dt>${say('chart.identifiers')}</dt>${identifier.length === 0 ? html`<dd>${say('chart.none')}</dd>` : identifier.map(({ system, value }) => html`<dd>${value}${system !== undefined && html` <span class="text-body-secondary">(${system})</span>`}</dd>`)}</div>
${reached.map(system => contactFact(telecom, system, words))}
</dl>`
}

const reached = ['email', 'phone'] as const

/** Nothing without any, since where studies write to is asked for elsewhere. What was theirs before is not how to reach them. */
const contactFact = (
  telecom: readonly ContactPoint[],
  by: (typeof reached)[number],
  { say }: Words,
): Html | undefined => {
  const entries = telecom.filter(
    ({ system, use, value }) => (system === 'sms' ? 'phone' : system) === by && use !== 'old' && value !== undefined,
  )
  return entries.length === 0
    ? undefined
    : html`<div><dt>${say(`chart.${by}`)}</dt>${entries.map(entry => contactShown(entry, say))}</div>`
}

/** A mobile number as it is compared with what somebody says, or with the reason why no message goes there. */
const contactShown = (entry: ContactPoint, say: Words['say']): Html => {
  const { value = '' } = entry
  if (!isOf.sms(entry)) return html`<dd><bdi>${breakable(value)}</bdi></dd>`
  const isUnsent = toMobile(value) === undefined
  return html`<dd><bdi>${mobileText(value)}</bdi></dd>${isUnsent && html`<dd class="text-body-secondary">${say('contacts.mobile-unsent')}</dd>`}`
}

/** A long address in a narrow column goes on below its at sign, and not in the middle of a word. */
const breakable = (address: string): Html =>
  html`${address.split(/(?<=@)/).map((part, index) => html`${index > 0 && html`<wbr>`}${part}`)}`

const vitalFact = (patient: Patient, words: Words): Html | undefined => {
  const { say } = words
  const { deceasedDateTime: died } = patient
  switch (reasonNotToWrite(patient)) {
    case 'deceased':
      return html`<div><dt>${say('chart.died')}</dt><dd>${died === undefined ? say('chart.died-unknown') : dayText(died, words)}</dd></div>`
    case 'inactive':
      return html`<div><dt>${say('chart.record')}</dt><dd>${say('chart.record-inactive')}</dd></div>`
    case undefined:
      return undefined
  }
}

/** A month or a year is not the first day of it. */
const dayText = (died: string, words: Words): Html | string =>
  /^\d{4}(-\d\d)?$/.test(died) ? dateShown(died, words) : dayOrMoment(died, words)

/** Whether they have died or their record is inactive, in a few words for lists of staff. */
export const vitalText = (patient: Patient): string | undefined => vital[reasonNotToWrite(patient) ?? 'none']

const vital = { deceased: 'has died', inactive: 'record no longer in use', none: undefined } as const
