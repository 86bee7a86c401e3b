import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { allOf, name, type SqlFragment, sql } from '../sql.ts'
import { newestGiven } from './newest-given.ts'
import { isOpen, isReadable, known, type SharerList, type SharersAsked, sharerLists } from './sharer-lists.ts'

/** What somebody shares by one Consent, as far as whoever asks may know them. */
export type Sharer = {
  /** The patient's compartment. */
  readonly patientId: number
  /** The Consent as JSON. */
  readonly consent: string
  /** The Patient as JSON; null if whoever asks may not read it. */
  readonly patient: string | null
  /** Made of the Patient's id, for whoever has no name. */
  readonly code: string
  readonly to: SharedWith
  /** When the last of it can no longer be read; null if that is open. */
  readonly until: Date | null
  /** When the newest reading was measured: a moment, or a date alone; null if there is none. */
  readonly measured: string | null
  /** The number of its kind. */
  readonly kindId: number | null
}

/** To whom a Consent is given that is to no study. */
export type SharedWith = { readonly kind: 'organization' | 'practitioner'; readonly id: string }

export type Sharers = {
  readonly rows: readonly Sharer[]
  /** Absent on the last page. */
  readonly next?: string
  /** Everybody with whom something is shared that whoever asks can read, whatever was asked for. */
  readonly receivers: readonly SharedWith[]
}

/**
 * One page of what people share with a Practitioner, or with an Organization of which they are a member, and with no study: by the Consents that
 * open something at this moment. Of each receiver as many rows are read as the page has, in its order.
 */
export const readSharers = async (connection: Connection, gate: Gate, asked: SharersAsked): Promise<Sharers> => {
  const { limit, cursor } = asked
  const at = cursor === undefined ? undefined : (JSON.parse(cursor) as Place)
  const rows: Row[] = []
  for (const [number, list] of sharerLists(gate, asked).entries()) {
    const left = limit + 1 - rows.length
    if (left === 0 || number < (at?.list ?? 0)) continue
    const last = rows.at(-1) ?? at
    const from = at?.list === number || list.goesOn ? last : undefined
    const found = await connection.any<Omit<Row, 'list'>>(pageOf(gate, asked, { list, at: from, most: left }))
    rows.push(...found.map(row => ({ ...row, list: number })))
  }
  const shown = rows.slice(0, limit)
  const ended = rows.length > limit ? shown.at(-1) : undefined
  return {
    rows: shown,
    ...(ended !== undefined && { next: JSON.stringify(placeOf(ended)) }),
    receivers: await connection.any<SharedWith>(receivers(gate, asked)),
  }
}

/** After which row a page begins. */
type Place = Pick<Row, 'list' | 'key' | 'consentId'>

type Row = Sharer & { readonly list: number; readonly key: string; readonly consentId: string }

const placeOf = ({ list, key, consentId }: Row): Place => ({ list, key, consentId })

type Asked = { readonly list: SharerList; readonly at: Place | undefined; readonly most: number }

/** By the rows that decide what is read; a Consent that whoever asks may not read is left out. */
const pageOf = (gate: Gate, asked: SharersAsked, { list, at, most }: Asked): SqlFragment => {
  const { from, type, descending, where } = list
  const direction = descending ? sql.fragment`DESC` : sql.fragment`ASC`
  const sign = descending ? sql.fragment`<` : sql.fragment`>`
  const order = sql.fragment`ORDER BY one.key ${direction}, one.consent_id ${direction} LIMIT ${most}`
  const tests = allOf([
    isOpen(asked),
    isReadable(gate),
    where,
    ...(at === undefined
      ? []
      : [sql.fragment`(one.key, one.consent_id) ${sign} (${at.key}::${type}, ${at.consentId})`]),
  ])
  const isWith = asked.to === '' ? sql.fragment`TRUE` : sql.fragment`reached.id = ${asked.to}`
  return sql.fragment`
    WITH ${reached(asked)},
    shown AS MATERIALIZED (
      SELECT one.*, jsonb_build_object('kind', reached.kind, 'id', reached.id) AS "to"
      FROM reached CROSS JOIN LATERAL (
        SELECT * FROM ${from} AS one WHERE one.grantee = reached.grantee AND ${tests} ${order}) AS one
      WHERE ${isWith} ${order})
    SELECT one.key::text AS key, one.consent_id AS "consentId", one.patient_id AS "patientId", row.content::text AS consent,
      (SELECT row.content::text ${known(gate)}) AS patient,
      one.code, one."to", nullif(one.until, 'infinity') AS until, newest.measured, newest.kind_id AS "kindId"
    FROM shown AS one
    JOIN consent AS row ON row.patient_id = one.patient_id AND row.pk = one.pk
    LEFT JOIN LATERAL (${newestGiven(gate)}) AS newest ON TRUE
    ORDER BY one.key ${direction}, one.consent_id ${direction}`
}

const receivers = (gate: Gate, asked: SharersAsked): SqlFragment => sql.fragment`
  WITH ${reached(asked)}
  SELECT reached.kind, reached.id FROM reached
  WHERE (
    SELECT EXISTS (
      SELECT FROM care_consent AS one WHERE one.grantee = reached.grantee AND ${isOpen(asked)} AND ${isReadable(gate)}))
  ORDER BY reached.kind, reached.id`

/** Through whom something may be shared with whoever asks. */
const reached = ({ practitioner }: SharersAsked): SqlFragment => sql.fragment`
  reached AS MATERIALIZED (
    SELECT grantee.grantee, grantee.kind, grantee.id FROM grantee
    WHERE grantee.grantee IN (
      SELECT reach.grantee FROM practitioner_grantee AS reach
      WHERE reach.practitioner = ${practitioner} AND reach.study_id IS NULL AND ${inForce(name('reach'))}))`
