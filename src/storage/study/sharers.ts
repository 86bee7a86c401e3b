import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { isDated } from '../figures/reading.ts'
import { inForce, referencedId } from '../model/reference.ts'
import { isCovered, isPermitInForce } from '../model/relation/consented.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { measuredTime } from './measured-time.ts'
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
  readonly offset: number
  readonly limit: number
}

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
  /** How many fit what was asked for. */
  readonly total: number
  /** Everybody with whom something is shared that whoever asks can read, whatever was asked for. */
  readonly receivers: readonly SharedWith[]
}

/**
 * One page of what people share with a Practitioner, or with an Organization of which they are a member, and with no study: by the Consents that
 * open something at this moment.
 */
export const readSharers = async (connection: Connection, gate: Gate, asked: SharersAsked): Promise<Sharers> => {
  const { offset, limit, sort } = asked
  const { key, direction } = orderOf(gate, asked)
  const order = sql.fragment`ORDER BY key ${direction} NULLS LAST, code, consent_id`
  const page = (of: SqlFragment) => sql.fragment`SELECT * FROM ${of} AS one ${order} OFFSET ${offset} LIMIT ${limit}`
  const shown =
    sort === 'newest'
      ? page(sql.fragment`(SELECT *, measured AS key FROM (${withNewest(gate, name('matching'))}) AS one)`)
      : withNewest(gate, sql.fragment`(${page(sql.fragment`(SELECT *, ${key} AS key FROM matching AS one)`)})`)
  const rows = await connection.any<Row>(sql.fragment`
    WITH ${openNow(gate, asked)},
    matching AS MATERIALIZED (SELECT * FROM sharer AS one WHERE ${isAskedFor(gate, asked)}),
    shown AS MATERIALIZED (${shown})
    SELECT (SELECT count(*) FROM matching)::integer AS total,
      (SELECT coalesce(jsonb_agg(DISTINCT "to"), '[]') FROM sharer) AS receivers,
      one.patient_id AS "patientId", one.consent::text AS consent, (SELECT row.content::text ${known(gate)}) AS patient,
      one.code, one."to", nullif(one.until, 'infinity') AS until, one.measured, one.kind_id AS "kindId"
    FROM (VALUES (1)) AS once LEFT JOIN shown AS one ON TRUE
    ${order}`)
  return {
    rows: rows.filter(({ consent }) => consent !== null) as readonly Sharer[],
    total: rows[0]?.total ?? 0,
    receivers: rows[0]?.receivers ?? [],
  }
}

type Row = Omit<Sharer, 'consent'> & Pick<Sharers, 'total' | 'receivers'> & { readonly consent: string | null }

/** By the rows that decide what is read; a Consent that whoever asks may not read is left out. */
const openNow = (gate: Gate, { practitioner, consent }: SharersAsked): SqlFragment => sql.fragment`
  open AS MATERIALIZED (
    SELECT given.patient_id, given.consent_id, given.grantee, max(given.valid_to) AS until, array_agg(DISTINCT given.kind_id) AS kinds
    FROM study_group_observation_consents AS given
    WHERE given.grantee = ANY(ARRAY(
        SELECT reach.grantee FROM practitioner_grantee AS reach
        WHERE reach.practitioner = ${practitioner} AND reach.study_id IS NULL AND ${inForce(name('reach'))}))
      AND ${isPermitInForce('s')} AND given.data_start < given.data_end
      AND ${consent === undefined ? sql.fragment`TRUE` : sql.fragment`given.consent_id = ${consent}`}
    GROUP BY given.patient_id, given.consent_id, given.grantee
  ),
  sharer AS MATERIALIZED (
    SELECT open.*, row.content AS consent, named.patient,
      upper(right(replace(named.patient, '-', ''), 8)) AS code, jsonb_build_object('kind', grantee.kind, 'id', grantee.id) AS "to"
    FROM open
    JOIN grantee ON grantee.grantee = open.grantee
    JOIN consent_grantee AS given ON given.patient_id = open.patient_id AND given.consent_id = open.consent_id
    JOIN consent AS row ON row.patient_id = given.patient_id AND row.pk = given.pk
    CROSS JOIN LATERAL (SELECT ${referencedId(name('row'), 'patient', 'Patient')} AS patient) AS named
    WHERE ${visible(gate, 'Consent')}
  )`

/** The Patient whom the Consent of the row `one` names, if whoever asks may know them. */
const known = (gate: Gate): SqlFragment => sql.fragment`
  FROM patient AS row WHERE row.patient_id = one.patient_id AND row.id = one.patient AND ${visible(gate, 'Patient')}`

/** What the patient is called by whoever gave the Consent: shown, and looked at, only if they are not known otherwise. */
const calledBy = sql.fragment`nullif(trim(one.consent #>> '{patient,display}'), '')`

const isAskedFor = (gate: Gate, { text, to }: SharersAsked): SqlFragment => {
  const isWith = to === '' ? sql.fragment`TRUE` : sql.fragment`one."to" ->> 'id' = ${to}`
  if (text === '') return isWith
  return sql.fragment`(${isWith} AND (strpos(one.code, upper(${text})) > 0 OR (
    SELECT bool_and(strpos(fhir_fold(${shownName(gate)}), word) > 0)
    FROM regexp_split_to_table(fhir_fold(${text}), '\\s+') AS word)))`
}

const shownName = (gate: Gate): SqlFragment => {
  const parts = ['$.name[*].given[*]', '$.name[*].family', '$.name[*].text'].map(
    path => sql.fragment`jsonb_path_query_array(row.content, ${path}::jsonpath)`,
  )
  return sql.fragment`coalesce((
    SELECT string_agg(part, ' ') FROM (SELECT row.content ${known(gate)}) AS row
    CROSS JOIN jsonb_array_elements_text(${sql.join(parts, sql.fragment` || `)}) AS part), ${calledBy})`
}

/** `key`: for a row `one`. Those without a name come last, by their codes. */
const orderOf = (
  gate: Gate,
  { sort }: SharersAsked,
): { readonly key: SqlFragment; readonly direction: SqlFragment } => {
  switch (sort) {
    case 'name':
      return {
        key: sql.fragment`coalesce((
          SELECT fhir_fold(coalesce(row.content #>> '{name,0,family}', row.content #>> '{name,0,text}', row.content #>> '{name,0,given,0}'))
          ${known(gate)}), fhir_fold(${calledBy})) COLLATE natural_order`,
        direction: sql.fragment`ASC`,
      }
    case 'since':
      return { key: sql.fragment`fhir_time_low(one.consent -> 'dateTime')`, direction: sql.fragment`DESC` }
    case 'until':
      return { key: sql.fragment`one.until`, direction: sql.fragment`ASC` }
    case 'newest':
      return { key: name('measured'), direction: sql.fragment`DESC` }
  }
}

/**
 * Each row of `of` with the newest reading that its Consent opens. It is looked for by the codes of the kinds that are given: who shares their weight
 * may have a million heart rates since.
 */
const withNewest = (gate: Gate, of: SqlFragment): SqlFragment => sql.fragment`
  SELECT one.*, newest.measured, newest.kind_id
  FROM ${of} AS one LEFT JOIN LATERAL (
    SELECT ${measuredTime(name('latest', 'effective_start'), name('latest', 'is_dated'))} AS measured, latest.kind_id
    FROM (
      SELECT code_class.code_id FROM kind JOIN code_class ON code_class.key = ANY(kind.key || ARRAY(
        SELECT narrower.class FROM jsonb_to_recordset(${narrowerClasses(gate)}::jsonb) AS narrower(kind text, class text)
        WHERE narrower.kind = kind.key))
      WHERE kind.kind_id = ANY(one.kinds)) AS code
    CROSS JOIN LATERAL (
      SELECT row.effective_start, row.kind_id, ${isDated('row')} AS is_dated
      FROM observation_code AS hot JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk
      WHERE hot.patient_id = one.patient_id AND hot.code_id = code.code_id AND hot.component = 0
        AND hot.effective_start > '-infinity' AND hot.effective_start <= now() + interval '1 day'
        AND ${isCovered(sql.fragment`given.consent_id = one.consent_id AND ${isPermitInForce('s')}`, name('row'))}
        AND (SELECT ${visible(gate, 'Observation')})
      ORDER BY hot.effective_start DESC, hot.pk DESC LIMIT 1) AS latest
    ORDER BY latest.effective_start DESC LIMIT 1) AS newest ON TRUE`

/** As JSON, the classes of the narrower codes that a kind includes. */
const narrowerClasses = ({ classes }: Gate): string =>
  JSON.stringify(
    classes
      .kinds()
      .flatMap(({ key, narrower }) =>
        narrower.map(({ system, code }) => ({ kind: key, class: classes.classOf(system, code) })),
      ),
  )
