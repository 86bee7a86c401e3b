import { passesGate } from '../compile/gate.ts'
import type { Current } from '../current.ts'
import type { Connection } from '../database.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { rowPlaces, rowsOnce, sql } from '../sql.ts'
import type { Writing } from '../write/write.ts'

/** What somebody who uploads a document again may know of the stored one, and may do to it. */
export type UploadRights = {
  /** They may upload it, or read what is stored. For anybody else it is refused as if nothing were stored. */
  readonly isKnown: boolean
  readonly isCreatable: boolean
  readonly isReadable: boolean
  /** They wrote it last, or may update it. */
  readonly isChangeable: boolean
}

export const noRights: UploadRights = { isKnown: false, isCreatable: false, isReadable: false, isChangeable: false }

type Pair = { readonly candidate: Candidate; readonly current: Current | undefined }

/** By the pk of the candidate. */
export const uploadRights = async (
  connection: Connection,
  writing: Writing,
  met: readonly Pair[],
): Promise<ReadonlyMap<string, UploadRights>> => {
  const creatable = await creatableAmong(connection, writing, met)
  const stored = await storedRights(connection, writing, met)
  return new Map(
    met.map(({ candidate, current }) => {
      const { readable = false, changeable = false } = stored.get(current?.pk ?? '') ?? {}
      const isCreatable = creatable.has(candidate.pk)
      const isKnown = readable || isCreatable
      return [candidate.pk, { isKnown, isCreatable, isReadable: readable, isChangeable: changeable }]
    }),
  )
}

/** Pks of the candidates that the caller may create. */
export const creatableAmong = async (
  connection: Connection,
  writing: Writing,
  met: readonly Pair[],
): Promise<ReadonlySet<string>> => {
  if (met.length === 0) return new Set()
  const rows = await connection.any<{ pk: string }>(sql.fragment`
    WITH ${entryTables(met.map(({ candidate }) => candidate))}
    SELECT pk FROM entry WHERE ${passesGate(writing, 'c', 'Observation', entryRow('Observation'))}`)
  return new Set(rows.map(({ pk }) => pk))
}

type Row = { readonly pk: string; readonly readable: boolean; readonly changeable: boolean }

/** By the pk of what is stored. */
const storedRights = async (
  connection: Connection,
  writing: Writing,
  met: readonly Pair[],
): Promise<ReadonlyMap<string, Row>> => {
  const places = rowsOnce(met.flatMap(({ current }) => current ?? []))
  if (places.length === 0) return new Map()
  const { author, authorSince = '-infinity' } = writing
  const may = (action: 'r' | 'u') => passesGate(writing, action, 'Observation', 'row')
  const rows = await connection.any<Row>(sql.fragment`
    SELECT row.pk, coalesce(${may('r')}, FALSE) AS readable,
      coalesce(row.author = ${author} AND row.last_updated >= ${authorSince}::timestamptz OR ${may('u')}, FALSE) AS changeable
    FROM ${rowPlaces(places)}
    JOIN observation AS row ON row.patient_id = place.patient_id AND row.pk = place.pk`)
  return new Map(rows.map(row => [row.pk, row]))
}
