import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Session } from '../storage/account/session.ts'
import { setLanguage } from '../storage/account/user-account.ts'
import type { Database } from '../storage/database.ts'
import { wordsOf } from './page/translated-page.ts'

/** People get letters in the language of the browser with which they were last here. */
export const languageNotes = (database: Database) => {
  const noted = new LRUCache<string, string>({ max: 10_000 })
  return async (request: FastifyRequest, { person }: Session): Promise<void> => {
    const { code } = wordsOf(request)
    if (noted.get(person) === code) return
    noted.set(person, code)
    await setLanguage(database, person, code)
  }
}
