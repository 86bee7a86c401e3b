import { FhirError } from '../../fhir/error.ts'
import type { Cursors } from '../../interactions/search/cursor.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { notice } from './form.ts'
import { type Html, html } from './html.ts'

/** Where a list continues. */
export type ListPlace = {
  /** Undefined at its beginning. */
  readonly cursor: string | undefined
  readonly isFirst: boolean
  /** Said above the list if the page that was asked for is not there. */
  readonly note: Html | undefined
  /** The title of this page of the list. */
  readonly titled: (title: string) => string
}

/** From the address of a page of a list. A link to a page works for a day, and only for whoever was shown it; after that the list begins anew. */
export const listPlaceIn = (
  query: URLSearchParams,
  cursors: Cursors | undefined,
  path: string,
  words: Words = wordsFor('en'),
): ListPlace => {
  const at = query.get('page')
  const cursor = at === null ? undefined : openedBy(cursors, at, path, query)
  const isLost = at !== null && cursor === undefined
  return {
    cursor,
    isFirst: cursor === undefined,
    note: isLost ? lost(words) : undefined,
    titled: title => (cursor === undefined ? title : words.say('list.continued', { title })),
  }
}

type Around = { readonly nextPage: string | undefined; readonly isFirst: boolean; readonly more: string }

/** Links to the next page, called `more`, and to the first one. `again`: what the list asks for, without a page. */
export const listLinks = (path: string, again: string, { nextPage, isFirst, more }: Around): Html =>
  html`${nextPage && html`<p><a href="${path}?${again}${again && '&'}page=${nextPage}">${more}</a></p>`}
${!isFirst && html`<p><a href="${path}${again && '?'}${again}">Back to the first page</a></p>`}`

/** What is on a page of a list whose pages have numbers, from 1 on. The list may be shorter by now, so that its beginning is read instead. */
export const numberedPage = async <Found>(
  asked: number,
  read: (page: number) => Promise<Found>,
  { isEmpty, words = wordsFor('en') }: { readonly isEmpty: (found: Found) => boolean; readonly words?: Words },
): Promise<Pick<ListPlace, 'note' | 'titled'> & { readonly page: number; readonly found: Found }> => {
  const found = await read(asked)
  if (asked === 1 || !isEmpty(found))
    return { page: asked, found, note: undefined, titled: title => pageTitle(title, asked, words) }
  return { page: 1, found: await read(1), note: lost(words), titled: title => title }
}

/** The title of a page of a list, by which its tab and the history of the browser differ from those of the first. */
export const pageTitle = (title: string, page: number, { say } = wordsFor('en')): string =>
  page === 1 ? title : say('list.page', { title, page })

/** With room above, since a list often begins right below a button. */
const lost = ({ say }: Words): Html =>
  html`<div class="mt-4">${notice('standing', html`<p>${say('list.lost')}</p>`)}</div>`

/** Undefined if it is unknown, or a place in another order, which is nowhere in this one. */
const openedBy = (
  cursors: Cursors | undefined,
  text: string,
  path: string,
  query: URLSearchParams,
): string | undefined => {
  try {
    const opened = cursors?.open(text, path)
    return opened && new URLSearchParams(opened.query).get('sort') === query.get('sort') ? opened.page : undefined
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}
