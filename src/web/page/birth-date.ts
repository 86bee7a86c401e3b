import { isDay } from '../../fhir/date.ts'
import { withAsciiDigits } from '../../messages/ascii-digits.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import type { Field } from './form.ts'
import { type Html, html } from './html.ts'
import { namedMonth } from './month-name.ts'
import { typed } from './typed.ts'
import { dayIn } from './typed-day.ts'

/** A birth date as it was typed: in a field for each part, in whichever order somebody writes dates. */
export type TypedDate = Readonly<Record<Part, string>>

const parts = ['day', 'month', 'year'] as const
type Part = (typeof parts)[number]

export const noDate: TypedDate = { day: '', month: '', year: '' }

const nameOf = (part: Part): string => `birthDate-${part}`

/** Pages that an earlier version has shown have one field for all of it. */
export const typedBirthDate = (body: unknown): TypedDate =>
  inParts({
    day: typed(body, nameOf('day')) || typed(body, 'birthDate'),
    month: typed(body, nameOf('month')),
    year: typed(body, nameOf('year')),
  })

/** Browsers and people also put all of it into one field, or into each. There it would not be seen whole if the form is shown again. */
const inParts = (date: TypedDate): TypedDate => {
  const [whole = '', ...others] = new Set(parts.map(part => date[part].trim()).filter(text => text !== ''))
  const iso = others.length === 0 ? dayIn(whole) : ''
  if (!isDay(iso)) return date
  const [year = '', month = '', day = ''] = iso.split('-')
  return { day, month, year }
}

/** The day, as FHIR writes it; empty if it is none. */
export const birthDayOf = (date: TypedDate): string => (isDay(isoDay(date)) ? isoDay(date) : '')

export type DateProblems = Readonly<Partial<Record<Part, string>>>

/** What is wrong with which part; nothing if it is a day. */
export const birthDateProblems = (date: TypedDate, { say }: Words): DateProblems => {
  if (birthDayOf(date) !== '') return {}
  if (parts.every(part => date[part].trim() === '')) return { day: say('birth-date.missing') }
  const wrong = parts.filter(part => numberOf[part](date[part]) === undefined)
  if (wrong.length === 0) return { day: say('birth-date.no-such-day') }
  return Object.fromEntries(wrong.map(part => [part, say(unreadable[part])]))
}

const unreadable: Readonly<Record<Part, Key>> = {
  day: 'birth-date.day-unreadable',
  month: 'birth-date.month-unreadable',
  year: 'birth-date.year-unreadable',
}

const isoDay = ({ day, month, year }: TypedDate): string =>
  [numberOf.year(year), numberOf.month(month), numberOf.day(day)].join('-')

const upTo = (most: number, text: string): string | undefined => {
  const digits = withAsciiDigits(text).trim()
  const isWithin = /^\d{1,2}$/.test(digits) && Number(digits) >= 1 && Number(digits) <= most
  return isWithin ? digits.padStart(2, '0') : undefined
}

/** The digits of each part, undefined if it is none. */
const numberOf: Readonly<Record<Part, (text: string) => string | undefined>> = {
  day: text => upTo(31, text),
  month: text => upTo(12, text) ?? namedMonth(text),
  year: text =>
    withAsciiDigits(text)
      .trim()
      .match(/^\d{4}$/)?.[0],
}

type Asked = {
  readonly date: TypedDate
  readonly problems: DateProblems
  /** What is wrong with it as a whole, so that no part is. */
  readonly problem?: string | undefined
}

/** For the list of problems: its first part stands for all of it. */
export const birthDateList = ({ problems, problem }: Asked): readonly Pick<Field, 'name' | 'problem'>[] => [
  { name: nameOf('day'), problem },
  ...parts.map(part => ({ name: nameOf(part), problem: problems[part] })),
]

/**
 * Three fields, each with its name, since 3/4/1980 is another day in another country, and a phone's calendar takes long to leaf back to 1950.
 * https://design-system.service.gov.uk/components/date-input/
 */
export const birthDateFields = ({ date, problems, problem }: Asked, { say }: Words): Html => {
  const told = [...(problem === undefined ? [] : [problem]), ...parts.flatMap(part => problems[part] ?? [])]
  const isWrong = told.length > 0
  const isPartWrong = (part: Part) => problem !== undefined || problems[part] !== undefined
  return html`<fieldset class="field${isWrong && ' wrong'}" aria-describedby="birthDate-hint${isWrong && ' birthDate-problem'}">
<legend class="form-label fs-6 fw-semibold">${say('prove.birth-date')}</legend>
<p class="form-text mt-0" id="birthDate-hint">${say('birth-date.hint')}</p>
${isWrong && html`<div class="invalid-feedback d-block mt-0 mb-2" id="birthDate-problem">${told.map(text => html`<p class="mb-0">${text}</p>`)}</div>`}
<div class="d-flex flex-wrap gap-2">${parts.map(
    part => html`<div class="part-of-date ${part}">
<label for="${nameOf(part)}" class="form-label">${say(`birth-date.${part}`)}</label>
<input class="form-control${isPartWrong(part) && ' is-invalid'}" id="${nameOf(part)}" name="${nameOf(part)}" type="text" inputmode="numeric" autocomplete="bday-${part}" value="${date[part]}" required${isPartWrong(part) && html` aria-describedby="birthDate-problem" aria-invalid="true"`}>
</div>`,
  )}</div>
</fieldset>`
}
