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
  const own = dayByOffset(text, edge, bound)
  const told = own === undefined ? words.moment(new Date(bound)) : `${words.day(own.day)} (${own.offset})`
  return html`<time datetime="${new Date(bound).toISOString()}" data-edge="${edge}">${told}</time>`
}

/** For whoever compares it with what was written down: the day where it was written, whichever time zone the reader is in. */
export const edgeAsWritten = (text: string, edge: Edge, words: Words): Html | string => {
  const bound = boundOf(text, edge)
  const own = bound === undefined ? undefined : dayByOffset(text, edge, bound)
  if (own === undefined) return edgeText(text, edge, words)
  return html`<time datetime="${own.day.toISOString().slice(0, 10)}">${words.day(own.day)}</time> (${own.offset})`
}

/** A date without a time is a day in UTC, since that is how the gate reads it. */
const dayByOffset = (
  text: string,
  edge: Edge,
  bound: number,
): { readonly day: Date; readonly offset: string } | undefined => {
  const [, sign = '', hours = '00', minutes = '00'] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? []
  const offset = (Number(hours) * 60 + Number(minutes)) * minuteMs * (sign === '-' ? -1 : 1)
  const local = bound + offset
  if (local % dayMs !== 0) return undefined
  const day = new Date(edge === 'start' ? local : local - 1)
  return { day, offset: offset === 0 ? 'UTC' : `UTC${sign}${hours}:${minutes}` }
}

const minuteMs = 60_000
const dayMs = 86_400_000
