import { momentsOf } from '../../fhir/date.ts'
import { momentIn } from '../../fhir/timezone.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import type { Cell } from '../../operations/rows/csv.ts'
import { hoursText } from '../page/hours-text.ts'
import { dateShown, dayShown } from '../page/typed-day.ts'

type Text = string | undefined

/** By whose clock, and in which language. `offset`: says by how much that clock is ahead, for a day on which it is changed. */
type Clock = { readonly timezone: string; readonly words: Words; readonly offset?: boolean }

/** From when until when, with each day in words, and once; not that of the heading below which it stands, if it is `under` one. */
export const timeText = (start: Text, end: Text, { under, ...clock }: Clock & { readonly under?: string }): string => {
  const [first, last = first] = [start, end].flatMap(time => (time === undefined ? [] : timeOf(time, clock)))
  if (first === undefined || last === undefined) return ''
  const said = under && dayShown(under, clock.words)
  if (start === undefined) return clock.words.say('readings.until', { until: textAfter(said, last) })
  const texts = [textAfter(said, first), textAfter(first.time === '' ? undefined : first.day, last)]
  return (first.day === last.day && first.time === last.time ? texts.slice(0, 1) : texts).join(' – ')
}

type Time = { readonly day: string; readonly time: string }

/** What is only a date is that day everywhere, and has no time. */
const timeOf = (time: string, { timezone, words, offset = false }: Clock): Time => {
  const moment = time.includes('T') ? momentsOf(time)?.low : undefined
  if (moment === undefined || Number.isNaN(moment)) return { day: dateShown(time, words), time: '' }
  const written = momentIn(moment, timezone)
  const ahead = offset ? ` (${/[+-]\d\d:\d\d$/.exec(written)?.[0] ?? 'UTC'})` : ''
  return { day: dayShown(written.slice(0, 10), words), time: `${written.slice(11, 16)}${ahead}` }
}

const textAfter = (said: Text, { day, time }: Time): string =>
  time !== '' && day === said ? time : [day, time].filter(Boolean).join(' ')

/** A list of samples, or a structure of any other kind, is no single value. */
export const valueText = (value: Cell, unit: Text, absent: Text, words: Words): string => {
  if (typeof value === 'object' && value.digits !== '') {
    const { comparator, digits } = value
    const hours = hoursText(digits, unit, words)
    const texts = hours === undefined ? [words.decimal(digits), unitText(unit, words)] : [hours]
    return [comparator, ...texts].filter(Boolean).join(' ')
  }
  if (typeof value !== 'string' || value.startsWith('{')) return absent ?? words.say('other.not-single')
  return [value, unit].filter(Boolean).join(' ')
}

/** Open mHealth spells few units out, in English. All others are symbols, which are the same in every language; devices write the litre in both ways. */
const unitText = (unit: Text, { say }: Words): Text => {
  const key = unitKeys.get(unit ?? '')
  return key === undefined ? unit?.replace(/(?<=\/[dmµ]?)l$/, 'L') : say(key)
}

const unitKeys: ReadonlyMap<string, Key> = new Map([
  ['beats/min', 'chart.unit-beats'],
  ['breaths/min', 'chart.unit-breaths'],
  ['steps', 'other.unit-steps'],
])

export const textOf = (cell: Cell): Text => (typeof cell === 'object' ? cell.digits : cell)
