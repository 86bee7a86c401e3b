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
}

/** From the address of a page of a list. A link to a page works for a day, and only for whoever was shown it; after that the list begins anew. */
export const listPlaceIn = (
  query: URLSearchParams,
  cursors: Cursors | undefined,
  path: string,
  words: Words = wordsFor('en'),
): ListPlace => {
  const at = query.get('page')
  const cursor = at === null ? undefined : openedBy(cursors, at, path)
  const isLost = at !== null && cursor === undefined
  return {
    cursor,
    isFirst: cursor === undefined,
    note: isLost ? notice('standing', html`<p>${words.say('list.lost')}</p>`) : undefined,
  }
}

const openedBy = (cursors: Cursors | undefined, text: string, path: string): string | undefined => {
  try {
    return cursors?.open(text, path).page
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}
