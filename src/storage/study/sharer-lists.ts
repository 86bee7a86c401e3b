import type { Gate } from '../compile/gate.ts'
import { isPermitInForce } from '../model/relation/consented.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { measuredTime } from './measured-time.ts'
import { newestGiven } from './newest-given.ts'
import { visible } from './study-states.ts'

export type SharersAsked = {
  /** Id of the Practitioner who asks. */
  readonly practitioner: string
  /** Only by this Consent, by id. */
  readonly consent?: string
  /** A part of a name or code; empty for everybody. */
  readonly text: string
  /** Id of the Practitioner or Organization with whom it is shared; empty for any. */
  readonly to: string
  readonly sort: 'name' | 'since' | 'until' | 'newest'
  /** Where another page of the same ended. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/** An order in which rows `one` of `care_consent` are read from an index, by `key` and the id of the Consent. */
export type SharerList = {
  /** Rows of `care_consent`, with their `key`. */
  readonly from: SqlFragment
  /** Of the key. */
  readonly type: SqlFragment
  readonly descending: boolean
  readonly where: SqlFragment
  /** Set if it has the rows of the list before it as well, and goes on where that ended. */
  readonly goesOn?: true
}

/** Of which the page consists, one after the other. Those without a name come last, by their codes. */
export const sharerLists = (gate: Gate, asked: SharersAsked): readonly SharerList[] => {
  const where = isAskedFor(gate, asked)
  switch (asked.sort) {
    case 'name':
      return [byName(gate, asked), byCode(gate, asked)]
    case 'since':
      return [{ from: withKey(sql.fragment`since`), type: timestamptz, descending: true, where }]
    case 'until':
      return [{ from: withKey(sql.fragment`until`), type: timestamptz, descending: false, where }]
    case 'newest': {
      const order = { type: text, descending: true, where }
      return [
        { from: withNewest(gate, amongNewest(asked)), ...order },
        { from: withNewest(gate, sql.fragment`(SELECT *, NULL AS floor FROM care_consent)`), ...order, goesOn: true },
      ]
    }
  }
}

const timestamptz = sql.fragment`timestamptz`
const text = sql.fragment`text`
const naturally = sql.fragment`text COLLATE natural_order`

const withKey = (key: SqlFragment): SqlFragment => sql.fragment`(SELECT *, ${key} AS key FROM care_consent)`

/**
 * By both of their names, of which one counts: read together in one order, so that whoever knows none of many people does not look at all of them
 * first. Conditions are not within the two parts, which PostgreSQL could not merge then.
 */
const byName = (gate: Gate, { text }: SharersAsked): SharerList => ({
  from: sql.fragment`(
    SELECT *, named AS key, TRUE AS is_named FROM care_consent
    UNION ALL
    SELECT *, called, FALSE FROM care_consent)`,
  type: naturally,
  descending: false,
  where: allOf([
    sql.fragment`one.key IS NOT NULL`,
    mayHave(text),
    sql.fragment`CASE WHEN one.is_named THEN ${hasText(text, sql.fragment`one.names`)} AND ${isKnown(gate)}
      ELSE ${hasText(text, sql.fragment`one.called`)} AND (one.named IS NULL OR NOT ${isKnown(gate)}) END`,
  ]),
})

const byCode = (gate: Gate, { text }: SharersAsked): SharerList => ({
  from: withKey(sql.fragment`code`),
  type: sql.fragment`text COLLATE "C"`,
  descending: false,
  where: allOf([
    sql.fragment`one.called IS NULL`,
    text === '' ? sql.fragment`TRUE` : hasCode(text),
    sql.fragment`(one.named IS NULL OR NOT ${isKnown(gate)})`,
  ]),
})

/** By the newest reading that each gives, which no index has: all are looked for, or only those that are certainly before all others. */
const withNewest = (gate: Gate, of: SqlFragment): SqlFragment => sql.fragment`(
  SELECT * FROM (
    SELECT one.*, coalesce(newest.measured, '') COLLATE "C" AS key
    FROM ${of} AS one LEFT JOIN LATERAL (${newestGiven(gate)}) AS newest ON TRUE) AS one
  WHERE one.floor IS NULL OR one.key > one.floor)`

/**
 * The two hundred who have measured something last, whether they give it or not, with the time before which others may come between; null if there are
 * no others. Nobody gives anything newer than what they have measured last.
 */
const amongNewest = ({ text }: SharersAsked): SqlFragment => sql.fragment`(
  SELECT one.*, CASE WHEN count(*) OVER () = ${mostNewest}
    THEN coalesce(${measuredTime(sql.fragment`nullif(min(one.last_measured) OVER (), '-infinity')`, sql.fragment`FALSE`)}, '') END AS floor
  FROM (
    SELECT one.*, coalesce((
      SELECT row.effective_start FROM observation AS row
      WHERE row.patient_id = one.patient_id AND row.effective_start <= now() + interval '1 day'
      ORDER BY row.effective_start DESC LIMIT 1), '-infinity') AS last_measured
    FROM care_consent AS one
    WHERE one.grantee IN (SELECT grantee FROM reached) AND one.until > now() AND ${mayHave(text)}
    ORDER BY last_measured DESC LIMIT ${mostNewest}) AS one)`

const mostNewest = 200

/** The name by which they are shown has all words, or the code the whole text. */
const isAskedFor = (gate: Gate, { text }: SharersAsked): SqlFragment =>
  text === ''
    ? sql.fragment`TRUE`
    : allOf([
        mayHave(text),
        anyOf([
          hasCode(text),
          sql.fragment`${hasWords(text, sql.fragment`one.names`)} AND ${isKnown(gate)}`,
          sql.fragment`${hasWords(text, sql.fragment`one.called`)} AND (one.names IS NULL OR NOT ${isKnown(gate)})`,
        ]),
      ])

/** Whatever they are shown by: it costs nothing, so PostgreSQL asks it before everything else. */
const mayHave = (text: string): SqlFragment =>
  text === ''
    ? sql.fragment`TRUE`
    : anyOf([hasCode(text), hasWords(text, sql.fragment`one.names`), hasWords(text, sql.fragment`one.called`)])

const hasText = (text: string, named: SqlFragment): SqlFragment =>
  text === '' ? sql.fragment`TRUE` : anyOf([hasCode(text), hasWords(text, named)])

const hasCode = (text: string): SqlFragment => sql.fragment`strpos(one.code, upper(${text})) > 0`

const hasWords = (text: string, named: SqlFragment): SqlFragment => sql.fragment`${named} LIKE ALL ((
  SELECT array_agg('%' || regexp_replace(word, '([\\\\%_])', '\\\\\\1', 'g') || '%')
  FROM regexp_split_to_table(fhir_fold(${text}), '\\s+') AS word)::text[])`

/** Something of the row `one` can be read at this moment. */
export const isOpen = ({ consent }: SharersAsked): SqlFragment => sql.fragment`one.until > now()
  AND ${consent === undefined ? sql.fragment`TRUE` : sql.fragment`one.consent_id = ${consent}`}
  AND (SELECT EXISTS (
    SELECT FROM study_group_observation_consents AS given
    WHERE given.patient_id = one.patient_id AND given.consent_id = one.consent_id AND given.grantee = one.grantee
      AND ${isPermitInForce('s')} AND given.data_start < given.data_end))`

/** Whoever asks may read the Consent of the row `one`. */
export const isReadable = (gate: Gate): SqlFragment => sql.fragment`(SELECT EXISTS (
  SELECT FROM consent AS row WHERE row.patient_id = one.patient_id AND row.pk = one.pk AND ${visible(gate, 'Consent')}))`

const isKnown = (gate: Gate): SqlFragment => sql.fragment`(SELECT EXISTS (SELECT ${known(gate)}))`

/** The Patient whom the Consent of the row `one` names, if whoever asks may know them. */
export const known = (gate: Gate): SqlFragment => sql.fragment`
  FROM patient AS row WHERE row.patient_id = one.patient_id AND row.id = one.patient AND ${visible(gate, 'Patient')}`
