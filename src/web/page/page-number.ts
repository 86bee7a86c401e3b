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

type Around = {
  readonly page: number
  readonly hasMore: boolean
  readonly to: (page: number) => string
  /** What these two are called. */
  readonly before: string
  readonly after: string
}

/** The same in a list whose pages have numbers. */
export const numberedLinks = (label: string, { page, hasMore, to, before, after }: Around): Html | undefined =>
  pagesBeside(label, [page > 1 && { href: to(page - 1), text: before }, hasMore && { href: to(page + 1), text: after }])

/** The number of the item after which a list continues; 0 at its beginning. */
export const itemBeforeIn = (query: URLSearchParams): number =>
  Number(/^\d{1,9}$/.exec(query.get('after') ?? '')?.[0] ?? 0)
