import type { ResourceType } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { hasLeft } from '../model/consent/has-left.ts'
import { ended } from '../model/enrolment.ts'
import { noDevice } from '../model/relation/consented.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'
import { isDiscardedPaper } from './paper-consent.ts'

/**
 * What somebody in a study has answered; `nothing`: their Consent stands, and none of it holds now; `ended`: their place in the study
 * has ended.
 */
export type StudyState = 'none' | 'all' | 'partly' | 'nothing' | 'declined' | 'withdrawn' | 'ended'

export type StudyPeopleAsked = {
  /** Id of the ResearchStudy. */
  readonly study: string
  /** The ResearchSubjects of the study. */
  readonly subjects: Expression
  /** Which Observations the study is consented. */
  readonly shared: Expression
  /** `silent`: they share what has been measured for so many days and is measured now, have signed so many days ago, and nothing has come since; `earlier`: what they signed is not the last text; `paper`: what they signed on paper is not confirmed yet. Absent: everybody. */
  readonly state?: StudyState | 'silent' | 'earlier' | 'paper'
  readonly silentDays: number
  /** A part of a name or an identifier; empty: everybody. */
  readonly text: string
  readonly sort: 'arrival' | 'name' | 'enrolment'
  readonly offset: number
  readonly limit: number
}

/** Somebody in a study, as far as the caller may know them. */
export type StudyPersonRow = {
  /** The compartment that it is about. */
  readonly patientId: number
  /** The ResearchSubject as JSON. */
  readonly subject: string
  /** The Patient as JSON; null where the caller may not read it. */
  readonly patient: string | null
  readonly state: StudyState
  readonly isSilent: boolean
  /** Whether they share by an earlier text than the one to sign now. */
  readonly isEarlier: boolean
  /** Whether what they signed on paper was recorded, and not confirmed yet. */
  readonly isOnPaper: boolean
  /** Whether what they gave still stands, though no place of theirs in the study is left. */
  readonly isLeftStanding: boolean
  /** When the reading came that is the last of what was measured and the caller may see for the study, and when it was measured; of one measured after tomorrow only where it came last. */
  readonly arrived: Date | null
  readonly measured: Date | null
  /** The number of its kind. */
  readonly kindId: number | null
}

export type StudyPeople = {
  readonly rows: readonly StudyPersonRow[]
  /** In which compartments those stand of whom the text is a part, whatever they have answered; none where they are many. */
  readonly named: readonly number[]
  /** How many there are that were asked for. */
  readonly total: number
  /** Of all in the study, whatever was asked for. */
  readonly counts: Readonly<Partial<Record<StudyState | 'silent' | 'earlier' | 'paper', number>>>
}

/** One page of those in a study, and how many there are of each state: of ResearchSubjects that the caller may search. */
export const readStudyPeople = async (
  connection: Connection,
  gate: Gate,
  asked: StudyPeopleAsked,
): Promise<StudyPeople> => {
  const { offset, limit, text, sort } = asked
  const people = text === '' ? sql.fragment`person` : sql.fragment`named`
  const namedIds =
    text === ''
      ? sql.fragment`'{}'::integer[]`
      : sql.fragment`ARRAY(SELECT DISTINCT patient_id FROM named LIMIT ${mostNamed + 1})`
  const direction = sort === 'name' ? sql.fragment`ASC` : sql.fragment`DESC`
  const rows = await connection.any<Row>(sql.fragment`
    WITH ${statesOf(gate, asked)},
    named AS MATERIALIZED (SELECT person.* FROM person WHERE ${textTest(gate, asked)}),
    matching AS MATERIALIZED (
      SELECT person.*, ${orderKey(gate, asked)} AS key FROM ${people} AS person WHERE ${stateTest(asked)}
    ),
    page AS (
      SELECT * FROM matching
      ORDER BY key ${direction} NULLS LAST, pk DESC
      OFFSET ${offset} LIMIT ${limit}
    )
    SELECT counted.counts, (SELECT count(*) FROM matching)::integer AS total,
      ${namedIds} AS named, page.patient_id AS "patientId",
      page.content::text AS subject,
      (SELECT row.content::text FROM patient AS row WHERE ${isPatientOf(sql.fragment`page`)} AND ${visible(gate, 'Patient')}) AS patient,
      page.state, page.silent AS "isSilent", page.earlier AS "isEarlier", page.paper AS "isOnPaper",
      coalesce(page.state = 'ended' AND page.is_standing AND ${hasLeft(sql.fragment`page.patient_id`, sql.fragment`${asked.study}`)}, FALSE) AS "isLeftStanding",
      page.arrived, page.measured, page.kind_id AS "kindId"
    FROM (
      SELECT jsonb_object_agg(state, number) AS counts
      FROM (
        SELECT state, count(*) AS number FROM person GROUP BY state
        UNION ALL
        SELECT 'silent', count(*) FROM person WHERE silent
        UNION ALL
        SELECT 'earlier', count(*) FROM person WHERE earlier
        UNION ALL
        SELECT 'paper', count(*) FROM person WHERE paper) AS one) AS counted
    LEFT JOIN page ON TRUE
    ORDER BY page.key ${direction} NULLS LAST, page.pk DESC`)
  const [first] = rows
  const named = first?.named ?? []
  return {
    rows: rows.filter(({ subject }) => subject !== null) as readonly StudyPersonRow[],
    named: named.length > mostNamed ? [] : named,
    total: first?.total ?? 0,
    counts: first?.counts ?? {},
  }
}

/** Whoever looks for more than these asks about everybody. */
const mostNamed = 50

type Row = Omit<StudyPersonRow, 'subject'> &
  Pick<StudyPeople, 'named' | 'total' | 'counts'> & { readonly subject: string | null }

/** Everybody in the study once, with their state: what the study asks for and what it is given are joined as sets. */
const statesOf = (gate: Gate, { study, subjects, shared, silentDays }: StudyPeopleAsked): SqlFragment => {
  const since = sql.fragment`now() - make_interval(days => ${silentDays})`
  const scanned = JSON.stringify([{ url: extensions.paperScan }])
  return sql.fragment`
  subject AS MATERIALIZED (
    SELECT row.patient_id, row.pk, row.content, (row.content ->> 'status' = ANY(${sql.array([...ended], 'text')}) OR EXISTS (
      SELECT FROM enrolment
      WHERE enrolment.patient_id = row.patient_id AND enrolment.id = row.id AND enrolment.period_end <= now())) AS is_over
    FROM research_subject AS row
    WHERE ${visible(gate, 'ResearchSubject', subjects)}
  ),
  gave AS MATERIALIZED (
    SELECT permit.patient_id, count(DISTINCT (asked.kind_id, asked.device_id)) FILTER (WHERE asked.kind_id IS NOT NULL) AS lines,
      bool_or(permit.device_id <> ${noDevice} AND permit.data_start <= ${since} AND now() < permit.data_end) AS is_awaited
    FROM study_group_observation_consents AS permit
    LEFT JOIN study_requested_data AS asked
      ON asked.study_id = ${study} AND asked.kind_id = permit.kind_id AND permit.device_id IN (0, asked.device_id)
    WHERE permit.grantee = ANY(ARRAY(SELECT grantee FROM study_grantee WHERE study_id = ${study})) AND permit.consented
      AND now() >= permit.valid_from AND now() < permit.valid_to
    GROUP BY permit.patient_id
  ),
  answered AS MATERIALIZED (
    SELECT row.patient_id, (array_agg(row.content ->> 'status' ORDER BY
      array_position(ARRAY['active', 'proposed'], row.content ->> 'status'), row.last_updated DESC, row.pk DESC))[1] AS status,
      bool_or(row.content ->> 'status' = 'proposed' AND row.content -> 'extension' @> ${scanned}::jsonb) AS paper,
      max(row.content ->> 'dateTime') FILTER (WHERE row.content ->> 'status' = 'active') AS signed,
      bool_or(row.content ->> 'status' = 'active' AND given.text_version IS DISTINCT FROM (
        SELECT version FROM study_text WHERE study_id = ${study} ORDER BY position DESC LIMIT 1)) AS earlier
    FROM consent_grantee AS given
    JOIN consent AS row ON row.patient_id = given.patient_id AND row.pk = given.pk
    WHERE given.grantee = (SELECT grantee FROM study WHERE id = ${study}) AND ${visible(gate, 'Consent')}
      AND NOT ${isDiscardedPaper(sql.fragment`row`)}
    GROUP BY row.patient_id
  ),
  stated AS MATERIALIZED (
    SELECT subject.*, gave.patient_id IS NOT NULL AS opens, gave.is_awaited, answered.earlier AS is_earlier, answered.signed, answered.paper AS is_on_paper, answered.status = 'active' AS is_standing, CASE
      WHEN subject.is_over THEN 'ended'
      WHEN answered.status = 'active' AND gave.lines >= (
        SELECT count(*) FROM study_requested_data AS asked WHERE asked.study_id = ${study}) THEN 'all'
      WHEN answered.status = 'active' AND gave.patient_id IS NULL THEN 'nothing'
      WHEN answered.status = 'active' THEN 'partly'
      WHEN answered.status = 'rejected' THEN 'declined'
      WHEN answered.status = 'inactive' THEN 'withdrawn'
      ELSE 'none' END AS state
    FROM subject LEFT JOIN answered USING (patient_id) LEFT JOIN gave USING (patient_id)
  ),
  person AS MATERIALIZED (
    SELECT stated.*, newest.arrived, newest.measured, newest.kind_id, stated.state IN ('all', 'partly') AND stated.is_awaited
      AND coalesce(newest.arrived < ${since}, stated.signed < to_char(${since}, 'YYYY-MM-DD'), TRUE) AS silent,
      stated.state IN ('all', 'partly') AND coalesce(stated.is_earlier, FALSE) AS earlier,
      stated.state = 'none' AND coalesce(stated.is_on_paper, FALSE) AS paper
    FROM stated LEFT JOIN LATERAL (
      (${newestOf(gate, shared, sql.fragment`<=`)}) UNION ALL (${newestOf(gate, shared, sql.fragment`>`)})
      ORDER BY arrived DESC LIMIT 1) AS newest ON TRUE
  )`
}

/** Of the readings of the row `stated` that were measured by now, or by a clock that goes ahead: such a one would be the newest for ever. */
const newestOf = (gate: Gate, shared: Expression, isByNow: SqlFragment): SqlFragment => sql.fragment`
  SELECT row.last_updated AS arrived, nullif(row.effective_start, '-infinity') AS measured, row.kind_id
  FROM observation AS row
  WHERE stated.opens AND row.patient_id = stated.patient_id AND row.effective_start ${isByNow} now() + interval '1 day'
    AND ${visible(gate, 'Observation', shared)}
  ORDER BY row.effective_start DESC, row.pk DESC LIMIT 1`

/** The row of the type, under the name `row`. */
const visible = (gate: Gate, type: ResourceType, asked?: Expression): SqlFragment =>
  passesGate(gate, 's', type, 'row', asked)

const isPatientOf = (person: SqlFragment): SqlFragment => sql.fragment`row.patient_id = ${person}.patient_id
  AND row.id = referenced_id(${person}.content -> 'individual', 'Patient')`

const stateTest = ({ state }: StudyPeopleAsked): SqlFragment => {
  if (state === undefined) return sql.fragment`TRUE`
  switch (state) {
    case 'silent':
      return sql.fragment`person.silent`
    case 'earlier':
      return sql.fragment`person.earlier`
    case 'paper':
      return sql.fragment`person.paper`
    default:
      return sql.fragment`person.state = ${state}`
  }
}

const textTest = (gate: Gate, { text }: StudyPeopleAsked): SqlFragment => {
  if (text === '') return sql.fragment`TRUE`
  const pattern = sql.fragment`'%' || fhir_fold(${text.replace(/[\\%_]/g, '\\$&')}) || '%'`
  const has = (content: SqlFragment, path: string) => sql.fragment`EXISTS (
    SELECT FROM jsonb_path_query(${content}, ${path}::jsonpath) AS part WHERE fhir_fold(part #>> '{}') LIKE ${pattern})`
  const identifiers = '$.identifier[*].value'
  const content = sql.fragment`row.content`
  return sql.fragment`(${has(sql.fragment`person.content`, identifiers)} OR EXISTS (
    SELECT FROM patient AS row WHERE ${isPatientOf(sql.fragment`person`)} AND ${visible(gate, 'Patient')}
      AND ${anyOf([...names, identifiers].map(path => has(content, path)))}))`
}

const names = ['$.name[*].family', '$.name[*].given[*]', '$.name[*].text']

/** By name, those without one that the caller may read stand by their code. */
const orderKey = (gate: Gate, { sort }: StudyPeopleAsked): SqlFragment => {
  switch (sort) {
    case 'arrival':
      return sql.fragment`person.arrived`
    case 'enrolment':
      return sql.fragment`person.pk`
    case 'name':
      return sql.fragment`fhir_fold(coalesce((
        SELECT coalesce(row.content #>> '{name,0,family}', row.content #>> '{name,0,text}', row.content #>> '{name,0,given,0}')
        FROM patient AS row WHERE ${isPatientOf(sql.fragment`person`)} AND ${visible(gate, 'Patient')}),
        person.content #>> '{identifier,0,value}'))`
  }
}
