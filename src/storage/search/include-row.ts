import type { ResourceType } from '@medplum/fhirtypes'
import type { Mask } from '../../fhir/subset.ts'
import { passesGate } from '../compile/gate.ts'
import type { Asking } from '../current.ts'
import { tableOf } from '../row.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import type { Stored } from '../store.ts'
import { contentInShare, contentWithin } from './room.ts'
import { servedContent } from './served-content.ts'

/** A resource of the answer, and where its row is. */
export type Placed = Stored & { readonly pk: string }

/** `from`: the resources from which links are followed. `known`: what the answer has already, by reference. */
export type Frontier = { readonly from: readonly Placed[]; readonly known: ReadonlyMap<string, Placed> }

export type Including = Asking & {
  /** Which elements of a type are served. */
  readonly maskOf: (type: ResourceType) => Mask | undefined
  /** How many rows of one type, at most. */
  readonly limit: number
  /** How many letters there is room for, in all types together. */
  readonly letters: number
}

/** Rows under the alias `row`, and the condition that links them to the answer. */
type Linked = { readonly from: SqlFragment; readonly linked: SqlFragment }

/** What is served of a row under the alias `body`. */
export const contentOf = (type: ResourceType, including: Omit<Including, 'limit'>): SqlFragment =>
  servedContent(type, 'body', { ...including, mask: including.maskOf(type) })

/** Null where it might not fit. Of parts it is known only in the order how many do; of the whole it is cheaper to know each one's share. */
const guarded = (type: ResourceType, including: Including): SqlFragment => {
  const [content, room] = [contentOf(type, including), sql.fragment`(SELECT letters FROM room)`]
  return including.maskOf(type) === undefined
    ? contentInShare(sql.fragment`${room} / ${including.limit}`, content)
    : contentWithin(room, content, { order: inOrder })
}

/** Whether anything of the type may be searched at all. */
export const isSearchable = ({ access }: Including, type: ResourceType): boolean => access('s', type).kind !== 'none'

/**
 * The linked rows of one type that the caller may search, newest first: keys first, then the bodies of just those, as far as the room
 * of the statement `room` has it.
 */
export const includedRows = (type: ResourceType, including: Including, { from, linked }: Linked): SqlFragment =>
  bodiesOf(type, including, keysOf(type, including, { from, linked }))

/** The same, for the Observations of patients: of each patient as the index has them. */
export const observationsOf = (patients: readonly number[], including: Including, linked: SqlFragment): SqlFragment => {
  const own = keysOf('Observation', including, {
    from: sql.fragment`observation AS row`,
    linked: allOf([sql.fragment`row.patient_id = patient.patient_id`, linked]),
  })
  return bodiesOf(
    'Observation',
    including,
    sql.fragment`
      SELECT own.* FROM unnest(${sql.array([...patients], 'int4')}) AS patient(patient_id) CROSS JOIN LATERAL (${own}) AS own
      ORDER BY own.rank DESC, own.pk DESC LIMIT ${including.limit}`,
  )
}

const keysOf = (type: ResourceType, including: Including, { from, linked }: Linked): SqlFragment => {
  const rank = type === 'Observation' ? sql.fragment`row.effective_start` : sql.fragment`row.pk`
  return sql.fragment`
    SELECT row.patient_id, row.pk, ${rank} AS rank FROM ${from}
    WHERE ${allOf([linked, passesGate(including, 's', type, 'row')])}
    ORDER BY ${rank} DESC, row.pk DESC LIMIT ${including.limit}`
}

const bodiesOf = (type: ResourceType, including: Including, keys: SqlFragment): SqlFragment => sql.fragment`(
  SELECT ${type}::text AS type, body.patient_id, body.pk, body.id, body.version, body.last_updated,
    ${guarded(type, including)} AS content
  FROM (${keys}) AS key
  JOIN ${tableOf(type)} AS body ON body.patient_id = key.patient_id AND body.pk = key.pk
  ${inOrder})`

const inOrder = sql.fragment`ORDER BY key.rank DESC, key.pk DESC`
