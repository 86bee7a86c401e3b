import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type pg from 'pg'
import { FhirError } from '../../fhir/error.ts'
import { isPlannedAnew, type SqlFragment } from '../sql.ts'

/** What is sent to PostgreSQL. Under its name it stays prepared on the connection. */
export type Statement = { readonly name?: string; readonly text: string; readonly values: unknown[] }

/** Planning is 40 % of a query that takes less than a millisecond, so each connection prepares each distinct text once, under its hash. */
export const toStatement = (fragment: SqlFragment): Statement => {
  const { sql, values } = fragment
  if (values.length > mostValues)
    throw new FhirError('too-costly', 'This asks for more at once than the database takes; ask in parts')
  const isKept = sql.length <= longestPrepared && !isPlannedAnew(fragment)
  return { text: sql, values: [...values], ...(isKept ? { name: names.memo(sql) } : {}) }
}

/** The protocol counts them in 16 bits. */
const mostValues = 65_535

/** For a longer statement, planning takes nothing compared with running it. */
const longestPrepared = 50_000

const names = new LRUCache<string, string>({ max: 1000, memoMethod: text => hash('sha1', text, 'base64url') })

/**
 * Notes what is prepared on the connection. For each statement, PostgreSQL keeps many times the size of its text for as long as the connection lasts,
 * and there is no end to the shapes of searches.
 */
export const notePrepared = (client: pg.ClientBase, { name, text }: Statement): void => {
  if (name === undefined) return
  const prepared = preparedOn.get(client) ?? { names: new Set<string>(), characters: 0 }
  if (prepared.names.has(name)) return
  prepared.names.add(name)
  prepared.characters += text.length
  preparedOn.set(client, prepared)
}

/** Whether so much is prepared on the connection that it should be replaced by another. */
export const isFull = (client: pg.ClientBase): boolean => (preparedOn.get(client)?.characters ?? 0) > mostCharacters

const preparedOn = new WeakMap<pg.ClientBase, { readonly names: Set<string>; characters: number }>()

/** Of all texts that are prepared on one connection: some hundred searches. */
const mostCharacters = 1_000_000
