import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { findAgedBefore } from '../../storage/audit/aged-before.ts'
import type { Connection } from '../../storage/database.ts'
import { type Html, html } from '../page/html.ts'
import { moment, phrase } from '../page/time.ts'

/** Below a list of events: from when on it is complete. Otherwise an empty one would say that nobody had done anything. Undefined if nothing has aged. */
export const agedNote = async (connection: Connection, words: Words = wordsFor('en')): Promise<Html | undefined> => {
  const before = await findAgedBefore(connection)
  return before && html`<p>${phrase(words, 'disclosures.aged', { before: moment(before, words) })}</p>`
}
