import type { ResourceType } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import { isDated } from '../figures/reading.ts'
import { ended } from '../model/enrolled.ts'
import { inForce, referencedId } from '../model/reference.ts'
import { noDevice } from '../model/relation/consented.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { deletedConsents, saidByDeleting, saysSomething } from './deleted-answer.ts'
import { measuredTime } from './measured-time.ts'
import { isDiscardedPaper } from './paper-consent.ts'

export type StatesAsked = {
  /** Id of the ResearchStudy. */
  readonly study: string
  /** Which of its ResearchSubjects. */
  readonly subjects: Expression
  /** Which Observations are consented to the study. */
  readonly shared: Expression
  readonly silentDays: number
}

/** Everybody in the study once, with their state. What the study asks for and what it is given are joined as sets. */
export const statesOf = (gate: Gate, { study, subjects, shared, silentDays }: StatesAsked): SqlFragment => {
  const since = sql.fragment`now() - make_interval(days => ${silentDays})`
  const isOfThem = subjects.kind === 'identified' ? ofSubjects : ofAnybody
  return sql.fragment`${subjectsOf(gate, study, subjects)},
  ${givenTo(study, since, isOfThem)},
  ${answersTo(gate, study, isOfThem)},
  ${stateOfEach(gate, study)},
  ${newestOfEach(gate, shared, since)}`
}

/** Which rows of an alias are about those who are asked about. If they are named, what others gave and answered is not read. */
type IsOfThem = (alias: SqlFragment) => SqlFragment

const ofSubjects: IsOfThem = alias => sql.fragment`${alias}.patient_id IN (SELECT patient_id FROM subject)`
const ofAnybody: IsOfThem = () => sql.fragment`TRUE`

const subjectsOf = (gate: Gate, study: string, subjects: Expression): SqlFragment => sql.fragment`
  subject AS MATERIALIZED (
    SELECT row.patient_id, row.pk, enrolment.patient, NOT enrolment.in_force OR enrolment.period_end <= now() AS is_over
    FROM enrolment
    JOIN research_subject AS row ON row.patient_id = enrolment.patient_id AND row.id = enrolment.id
    WHERE enrolment.study_id = ${study} AND ${visible(gate, 'ResearchSubject', subjects)}
    UNION ALL
    SELECT row.patient_id, row.pk, NULL, row.content ->> 'status' = ANY(${sql.array([...ended], 'text')})
    FROM research_subject AS row
    WHERE row.patient_id = 0 AND ${referencedId(sql.fragment`row`, 'study', 'ResearchStudy')} = ${study}
      AND ${visible(gate, 'ResearchSubject', subjects)}
  )`

/**
 * How many of the lines that the study asks for each patient gives it now, and whether readings should have come by then. While nobody reads anything
 * for the study, none are awaited. What it keeps of what they gave before can be read, but is nothing that they give now.
 */
const givenTo = (study: string, since: SqlFragment, isOfThem: IsOfThem): SqlFragment => sql.fragment`
  gave AS MATERIALIZED (
    SELECT permit.patient_id, count(DISTINCT asked.line) FILTER (WHERE ${isGivenNow}) AS lines, bool_or(${isGivenNow}) AS is_given,
      bool_or(${isGivenNow} AND permit.device_id <> ${noDevice} AND permit.data_start <= ${since} AND now() < permit.data_end)
        AND EXISTS (SELECT FROM study WHERE study.id = ${study} AND study.in_force AND ${inForce(name('study'))}) AS is_awaited
    FROM study_group_observation_consents AS permit
    LEFT JOIN (
      SELECT kind_id, device_id, row_number() OVER () AS line FROM study_requested_data WHERE study_id = ${study}) AS asked
      ON asked.kind_id = permit.kind_id AND permit.device_id IN (0, asked.device_id)
    WHERE permit.grantee = ANY(ARRAY(SELECT grantee FROM study_grantee WHERE study_id = ${study})) AND permit.consented
      AND now() >= permit.valid_from AND now() < permit.valid_to AND ${isOfThem(sql.fragment`permit`)}
    GROUP BY permit.patient_id
  )`

/** For a row of `permit`; what is kept was stored before the withdrawal. */
const isGivenNow = sql.fragment`permit.stored_before = 'infinity'`

/** What the Consents of each patient say, of which one that is in force counts more than later ones that are not. */
const answersTo = (gate: Gate, study: string, isOfThem: IsOfThem): SqlFragment => sql.fragment`
  answered AS MATERIALIZED (
    SELECT patient_id, (array_agg(status ORDER BY array_position(ARRAY['active', 'proposed'], status), last_updated DESC, pk DESC))[1] AS status,
      (array_agg(last_updated ORDER BY array_position(ARRAY['active', 'proposed'], status), last_updated DESC, pk DESC))[1] AS written_at,
      bool_or(paper) AS paper, max(signed) FILTER (WHERE status = 'active') AS signed,
      bool_or(status = 'active' AND text_version IS DISTINCT FROM (
        SELECT version FROM study_text WHERE study_id = ${study} ORDER BY position DESC LIMIT 1)) AS earlier
    FROM (
      SELECT row.patient_id, row.pk, row.last_updated, row.text_version, row.content ->> 'status' AS status,
        row.content ->> 'status' = 'proposed' AND row.content -> 'extension' @> ${JSON.stringify(scanned)}::jsonb AS paper,
        row.content ->> 'dateTime' AS signed
      FROM (${consentsTo(study, isOfThem)}) AS row
      WHERE ${visible(gate, 'Consent')} AND NOT ${isDiscardedPaper(sql.fragment`row`)} AND ${saysSomething(sql.fragment`row`)}
      OFFSET 0) AS one
    GROUP BY patient_id
  )`

const scanned = [{ url: extensions.paperScan }]

const stateOfEach = (gate: Gate, study: string): SqlFragment => sql.fragment`
  stated AS MATERIALIZED (
    SELECT subject.*, gave.patient_id IS NOT NULL AS opens, gave.is_awaited, answered.earlier AS is_earlier, answered.signed,
      answered.paper AS is_on_paper, answered.status = 'active' AS is_standing, CASE
      WHEN subject.is_over THEN 'ended'
      WHEN answered.status = 'active' AND gave.lines >= (
        SELECT count(*) FROM study_requested_data AS asked WHERE asked.study_id = ${study}) THEN 'all'
      WHEN answered.status = 'active' AND gave.is_given IS NOT TRUE THEN 'nothing'
      WHEN answered.status = 'active' THEN 'partly'
      WHEN coalesce(answered.status, deleted.status) = 'rejected' THEN 'declined'
      WHEN coalesce(answered.status, deleted.status) = 'inactive' THEN 'withdrawn'
      ELSE 'none' END AS state,
      CASE WHEN coalesce(answered.status, deleted.status) IN ('active', 'rejected', 'inactive') THEN coalesce(answered.written_at, deleted.gone_at) END AS answered_at
    FROM subject LEFT JOIN answered USING (patient_id) LEFT JOIN gave USING (patient_id)
      LEFT JOIN LATERAL (${deletedAnswer(gate, study)}) AS deleted ON TRUE
  )`

/** What somebody without another answer said by deleting a Consent. */
const deletedAnswer = (gate: Gate, study: string): SqlFragment => sql.fragment`
  SELECT ${saidByDeleting(sql.fragment`row`)} AS status, row.gone_at
  FROM (${deletedConsents(sql.fragment`subject.patient_id`, sql.fragment`${study}`)}) AS row
  WHERE answered.status IS NULL AND ${visible(gate, 'Consent')} AND NOT ${isDiscardedPaper(sql.fragment`row`)}
  ORDER BY row.gone_at DESC LIMIT 1`

const newestOfEach = (gate: Gate, shared: Expression, since: SqlFragment): SqlFragment => sql.fragment`
  person AS MATERIALIZED (
    SELECT stated.*, newest.arrived, newest.measured, newest.kind_id, stated.state IN ('all', 'partly') AND stated.is_awaited
      AND coalesce(newest.arrived < ${since}, stated.signed < to_char(${since}, 'YYYY-MM-DD'), TRUE) AS silent,
      stated.state IN ('all', 'partly') AND coalesce(stated.is_earlier, FALSE) AS earlier,
      stated.state = 'none' AND coalesce(stated.is_on_paper, FALSE) AS paper
    FROM stated LEFT JOIN LATERAL (
      (${newestOf(gate, shared, sql.fragment`<=`)}) UNION ALL (${newestOf(gate, shared, sql.fragment`>`, isAnyAhead)})
      ORDER BY arrived DESC LIMIT 1) AS newest ON TRUE
  )`

/** Long contents are compressed. They are expanded here once, instead of each time that something is looked up in them. */
const consentsTo = (study: string, isOfThem: IsOfThem): SqlFragment => sql.fragment`
  SELECT consent.patient_id, consent.pk, consent.id, consent.version, consent.last_updated, consent.owner, consent.author, consent.tokens,
    consent.content || '{}' AS content, given.text_version
  FROM consent_grantee AS given
  JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
  WHERE given.grantee = (SELECT grantee FROM study WHERE id = ${study}) AND ${isOfThem(sql.fragment`given`)}
  OFFSET 0`

/**
 * The newest reading of the row `stated`, of those that were measured by now, or of those from a clock that is ahead: one of these would otherwise be
 * the newest for ever.
 */
const newestOf = (
  gate: Gate,
  shared: Expression,
  isByNow: SqlFragment,
  isAny = sql.fragment`TRUE`,
): SqlFragment => sql.fragment`
  SELECT row.last_updated AS arrived, ${measuredTime(sql.fragment`nullif(row.effective_start, '-infinity')`, isDated('row'))} AS measured, row.kind_id
  FROM observation AS row
  WHERE stated.opens AND ${isAny} AND row.patient_id = stated.patient_id AND row.effective_start ${isByNow} now() + interval '1 day'
    AND ${visible(gate, 'Observation', shared)}
  ORDER BY row.effective_start DESC, row.pk DESC LIMIT 1`

/** Asked once for everybody: mostly no clock is ahead. */
const isAnyAhead = sql.fragment`(SELECT EXISTS (SELECT FROM observation WHERE effective_start > now() + interval '1 day'))`

/** Of a row of the type under the name `row`. */
export const visible = (gate: Gate, type: ResourceType, asked?: Expression): SqlFragment =>
  passesGate(gate, 's', type, 'row', asked)
