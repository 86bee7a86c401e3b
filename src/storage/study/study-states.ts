import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import { passesForStudy } from '../compile/of-study.ts'
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
  /** Whose newest reading is looked for; `awaited`: of those alone who may be silent. */
  readonly newestOf: 'everybody' | 'awaited'
}

/** Everybody in the study once, with their state. What the study asks for and what it is given are joined as sets. */
export const statesOf = (gate: Gate, asked: StatesAsked): SqlFragment => {
  const { study, subjects, silentDays } = asked
  const since = sql.fragment`now() - make_interval(days => ${silentDays})`
  const isOfThem = subjects.kind === 'identified' ? ofSubjects : ofAnybody
  return sql.fragment`
  seen AS MATERIALIZED (
    SELECT ${passesForStudy(gate, 'ResearchSubject', study)} AS places, ${passesForStudy(gate, 'Consent', study)} AS answers),
  ${subjectsOf(gate, study, subjects)},
  ${givenTo(study, since, isOfThem)},
  ${answersTo(gate, study, isOfThem)},
  ${deletedBy(gate, study)},
  ${stateOfEach(study)},
  ${newestOfEach(gate, asked, since)}`
}

/** Which rows of an alias are about those who are asked about. If they are named, what others gave and answered is not read. */
type IsOfThem = (alias: SqlFragment) => SqlFragment

const ofSubjects: IsOfThem = alias => sql.fragment`${alias}.patient_id IN (SELECT patient_id FROM subject)`
const ofAnybody: IsOfThem = () => sql.fragment`TRUE`

const subjectsOf = (gate: Gate, study: string, subjects: Expression): SqlFragment => sql.fragment`
  subject AS MATERIALIZED (
    SELECT enrolment.patient_id, enrolment.pk, enrolment.id, enrolment.patient, NOT enrolment.in_force OR enrolment.period_end <= now() AS is_over,
      enrolment.named, enrolment.names, enrolment.code, enrolment.codes
    FROM enrolment ${seen(gate, study, subjects)}
    UNION ALL
    SELECT row.patient_id, row.pk, row.id, NULL, row.content ->> 'status' = ANY(${sql.array([...ended], 'text')}),
      NULL, NULL, place_code(row.content), person_letters(row.content)
    FROM research_subject AS row
    WHERE row.patient_id = 0 AND ${referencedId(sql.fragment`row`, 'study', 'ResearchStudy')} = ${study}
      AND ${visible(gate, 'ResearchSubject', subjects)}
  )`

/** Who is named is found by that. Where everybody's place is seen, none is looked up. */
const seen = (gate: Gate, study: string, subjects: Expression): SqlFragment => {
  const isVisible = visible(gate, 'ResearchSubject', subjects)
  const isPlace = sql.fragment`row.patient_id = enrolment.patient_id AND row.pk = enrolment.pk`
  return subjects.kind === 'identified'
    ? sql.fragment`JOIN research_subject AS row ON ${isPlace} WHERE enrolment.study_id = ${study} AND ${isVisible}`
    : sql.fragment`WHERE enrolment.study_id = ${study} AND CASE WHEN ${subjects.kind === 'all'} AND (SELECT places FROM seen) THEN TRUE
        ELSE EXISTS (SELECT FROM research_subject AS row WHERE ${isPlace} AND ${isVisible} OFFSET 0) END`
}

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

/**
 * What the Consents of each patient say, of which one that is in force counts more than later ones that are not. The Consents themselves are read only if
 * the gate asks about each, or where what was signed on paper has ended.
 */
const answersTo = (gate: Gate, study: string, isOfThem: IsOfThem): SqlFragment => sql.fragment`
  answered AS MATERIALIZED (
    SELECT given.patient_id,
      (array_agg(given.status ORDER BY array_position(ARRAY['active', 'proposed'], given.status), given.answered DESC, given.pk DESC))[1] AS status,
      (array_agg(given.answered ORDER BY array_position(ARRAY['active', 'proposed'], given.status), given.answered DESC, given.pk DESC))[1] AS written_at,
      bool_or(given.status = 'proposed' AND given.paper) AS paper, bool_or(given.status = 'active' AND given.paper) AS by_paper,
      max(given.signed) FILTER (WHERE given.status = 'active') AS signed,
      bool_or(given.status = 'active' AND given.text_version IS DISTINCT FROM (
        SELECT version FROM study_text WHERE study_id = ${study} ORDER BY position DESC LIMIT 1)) AS earlier
    FROM consent_grantee AS given
    WHERE given.grantee = (SELECT grantee FROM study WHERE id = ${study}) AND ${isOfThem(sql.fragment`given`)}
      AND ${saysSomething(sql.fragment`given.status`)}
      AND CASE WHEN (SELECT answers FROM seen) THEN TRUE ELSE ${isConsent(visible(gate, 'Consent'))} END
      AND NOT CASE WHEN given.status = 'inactive' AND EXISTS (SELECT FROM paper_consent WHERE paper_consent.consent_id = given.consent_id)
        THEN ${isConsent(isDiscardedPaper(sql.fragment`row`))} ELSE FALSE END
    GROUP BY given.patient_id
  )`

/** Of the Consent of the row `given`. */
const isConsent = (such: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM consent AS row WHERE row.patient_id = given.patient_id AND row.pk = given.pk AND ${such} OFFSET 0)`

const stateOfEach = (study: string): SqlFragment => sql.fragment`
  stated AS MATERIALIZED (
    SELECT subject.*, gave.patient_id IS NOT NULL AS opens, gave.is_awaited, answered.earlier AS is_earlier, answered.signed,
      answered.paper AS is_on_paper, answered.by_paper AS is_by_paper, answered.status = 'active' AS is_standing, CASE
      WHEN subject.is_over THEN 'ended'
      WHEN answered.status = 'active' AND gave.lines >= (
        SELECT count(*) FROM study_requested_data AS asked WHERE asked.study_id = ${study}) THEN 'all'
      WHEN answered.status = 'active' AND gave.is_given IS NOT TRUE THEN 'nothing'
      WHEN answered.status = 'active' THEN 'partly'
      WHEN coalesce(answered.status, deleted.status) = 'rejected' THEN 'declined'
      WHEN coalesce(answered.status, deleted.status) = 'inactive' THEN 'withdrawn'
      ELSE 'none' END AS state,
      CASE WHEN coalesce(answered.status, deleted.status) IN ('active', 'rejected', 'inactive') THEN coalesce(answered.written_at, deleted.gone_at) END AS answered_at
    FROM subject LEFT JOIN answered USING (patient_id) LEFT JOIN gave USING (patient_id) LEFT JOIN deleted USING (patient_id)
  )`

/** What somebody said last by deleting a Consent, which counts if they gave no other answer. */
const deletedBy = (gate: Gate, study: string): SqlFragment => sql.fragment`
  deleted AS MATERIALIZED (
    SELECT DISTINCT ON (row.patient_id) row.patient_id, ${saidByDeleting(sql.fragment`row`)} AS status, row.gone_at
    FROM (${deletedConsents(sql.fragment`ANY (SELECT patient_id FROM subject)`, sql.fragment`${study}`)}) AS row
    WHERE ${visible(gate, 'Consent')} AND NOT ${isDiscardedPaper(sql.fragment`row`)}
    ORDER BY row.patient_id, row.gone_at DESC
  )`

const newestOfEach = (gate: Gate, { shared, newestOf }: StatesAsked, since: SqlFragment): SqlFragment => sql.fragment`
  person AS MATERIALIZED (
    SELECT stated.*, newest.arrived, newest.measured, newest.kind_id, stated.state IN ('all', 'partly') AND stated.is_awaited
      AND coalesce(newest.arrived < ${since}, stated.signed < to_char(${since}, 'YYYY-MM-DD'), TRUE) AS silent,
      stated.state IN ('all', 'partly') AND coalesce(stated.is_earlier, FALSE) AS earlier,
      stated.state = 'none' AND coalesce(stated.is_on_paper, FALSE) AS paper
    FROM stated LEFT JOIN LATERAL (${newestOfOne(gate, shared, { person: sql.fragment`stated`, where: newestOf === 'everybody' ? sql.fragment`stated.opens` : mayBeSilent })}) AS newest ON TRUE
  )`

const mayBeSilent = sql.fragment`stated.opens AND stated.state IN ('all', 'partly') AND stated.is_awaited`

type Newest = { readonly person: SqlFragment; readonly where: SqlFragment }

/**
 * The newest reading of the row `person`, if that fits, of those that were measured by now, or of those from a clock that is ahead: one of these would
 * otherwise be the newest for ever.
 */
export const newestOfOne = (gate: Gate, shared: Expression, { person, where }: Newest): SqlFragment => {
  const newestAt = (when: SqlFragment) => sql.fragment`
    SELECT row.last_updated AS arrived, ${measuredTime(sql.fragment`nullif(row.effective_start, '-infinity')`, isDated('row'))} AS measured, row.kind_id
    FROM observation AS row
    WHERE ${where} AND row.patient_id = ${person}.patient_id AND row.effective_start ${when}
      AND ${visible(gate, 'Observation', shared)}
    ORDER BY row.effective_start DESC, row.pk DESC LIMIT 1`
  return sql.fragment`
    (${newestAt(sql.fragment`<= now() + interval '1 day'`)}) UNION ALL (${newestAt(sql.fragment`> now() + interval '1 day' AND ${isAnyAhead}`)})
    ORDER BY arrived DESC LIMIT 1`
}

/** Asked once for everybody: mostly no clock is ahead. */
const isAnyAhead = sql.fragment`(SELECT EXISTS (SELECT FROM observation WHERE effective_start > now() + interval '1 day'))`

/** Of a row of the type under the name `row`. */
export const visible = (gate: Gate, type: ResourceType, asked?: Expression): SqlFragment =>
  passesGate(gate, 's', type, 'row', asked)
