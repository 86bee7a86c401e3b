import { LRUCache } from 'lru-cache'
import type { Connection } from '../database.ts'
import type { SqlFragment } from '../sql.ts'
import type { ByPatient } from './by-patient.ts'

/** Remembers which queries of Patients had many results. That only decides which of two ways to the same answer is taken. */
export type ManyPatients = {
  readonly has: (name: string | undefined) => boolean
  /** Nothing is remembered of a query without a name. */
  readonly note: (name: string | undefined) => void
}

/** For a minute, and a limited number of names: what is forgotten is counted again. */
export const openManyPatients = ({ now = () => performance.now(), mostNames = 10_000 } = {}): ManyPatients => {
  const noted = new LRUCache<string, true>({ max: mostNames, ttl: 60_000, ttlResolution: 0, perf: { now } })
  return {
    has: name => name !== undefined && noted.has(name),
    note: name => {
      if (name !== undefined) noted.set(name, true)
    },
  }
}

/** A row that a statement by Patient answers. `many`: they are many, and there is no other row. */
export type Amount = { readonly many: boolean }

/** Undefined if they are many, or it is not known whose Observations they can be. */
export const ofFew = async <Answer extends Amount>(
  connection: Connection,
  { manyPatients }: { readonly manyPatients: ManyPatients },
  byPatient: ByPatient | undefined,
  statement: (byPatient: ByPatient) => SqlFragment,
): Promise<readonly Answer[] | undefined> => {
  if (byPatient === undefined || manyPatients.has(byPatient.name)) return undefined
  const ask = byPatient.hasOnePlan ? connection.kept : connection.any
  const rows = await ask<Answer>(statement(byPatient))
  if (rows[0]?.many) manyPatients.note(byPatient.name)
  return rows[0]?.many === false ? rows : undefined
}
