import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'
import { boundOf, type Edge } from './period-days.ts'

/**
 * Where a Period begins or ends in the reader's time zone: the day if one begins or ends there, or else the moment. Without scripts, the day by
 * the offset in the text, which is stated.
 */
export const edgeText = (text: string, edge: Edge, words: Words): Html | string => {
  const bound = boundOf(text, edge)
  if (bound === undefined) return text
  const told = dayByOffset(text, edge, bound, words) ?? words.moment(new Date(bound))
  return html`<time datetime="${new Date(bound).toISOString()}" data-edge="${edge}">${told}</time>`
}

/** A date without a time is a day in UTC, since that is how the gate reads it. */
const dayByOffset = (text: string, edge: Edge, bound: number, words: Words): string | undefined => {
  const [, sign = '', hours = '00', minutes = '00'] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? []
  const offset = (Number(hours) * 60 + Number(minutes)) * minuteMs * (sign === '-' ? -1 : 1)
  const local = bound + offset
  if (local % dayMs !== 0) return undefined
  const day = words.day(new Date(edge === 'start' ? local : local - 1))
  return offset === 0 ? `${day} (UTC)` : `${day} (UTC${sign}${hours}:${minutes})`
}

const minuteMs = 60_000
const dayMs = 86_400_000
