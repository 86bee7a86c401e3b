import { type Html, html } from './html.ts'

/** Which page of a list an address asks for, from 1 on; 1 if it has no valid number. */
export const pageNumberIn = (query: URLSearchParams): number => {
  const text = query.get('page') ?? ''
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}

type Beside = { readonly href: string; readonly text: string }

/** Links to the pages before and after one; nothing if there is neither, so that nobody is led to a place without any. */
export const pagesBeside = (label: string, beside: readonly (Beside | false)[]): Html | undefined => {
  const there = beside.filter(one => one !== false)
  if (there.length === 0) return undefined
  return html`<nav aria-label="${label}"><p>${there.map(({ href, text }) => html`<a href="${href}">${text}</a> `)}</p></nav>`
}

/** The number of the item after which a list continues; 0 at its beginning. */
export const itemBeforeIn = (query: URLSearchParams): number =>
  Number(/^\d{1,9}$/.exec(query.get('after') ?? '')?.[0] ?? 0)
