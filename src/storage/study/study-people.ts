import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { hasLeft } from '../model/consent/has-left.ts'
import { anyOf, name, type SqlFragment, sql } from '../sql.ts'
import { textTest } from '../values/string.ts'
import { newestOfOne, type StatesAsked, statesOf, visible } from './study-states.ts'

/**
 * What somebody in a study has answered. `nothing`: their Consent is in force, but nothing in it applies now. `ended`: their place in the study has
 * ended.
 */
export type StudyState = 'none' | 'all' | 'partly' | 'nothing' | 'declined' | 'withdrawn' | 'ended'

export type StudyPeopleAsked = Omit<StatesAsked, 'newestOf'> & {
  /**
   * Absent: everybody. `silent`: they share something that has been measured for so many days and still is, they signed that many days ago, and
   * nothing has come since. `earlier`: what they signed is not the latest text. `paper`: what they signed on paper is not confirmed yet.
   */
  readonly state?: StudyState | 'silent' | 'earlier' | 'paper'
  /** With `paper`: without those whom this Practitioner has recorded, and so cannot confirm. */
  readonly notRecordedBy?: string
  /** A part of a name or an identifier; empty for everybody. */
  readonly text: string
  /** `invited` and `expiry`, by their last invitation and by when an open one ends, only for those who may invite. */
  readonly sort: 'arrival' | 'answer' | 'name' | 'enrolment' | 'invited' | 'expiry'
  readonly offset: number
  readonly limit: number
  /** Whether the ids of all whom it fits are asked for. */
  readonly ids?: true
}

/** Somebody in a study, as far as the caller may know them. */
export type StudyPersonRow = {
  /** The patient's compartment. */
  readonly patientId: number
  /** The ResearchSubject as JSON. */
  readonly subject: string
  /** The Patient as JSON; null if the caller may not read it. */
  readonly patient: string | null
  readonly state: StudyState
  /** When their answer was last given, changed or ended; null if there is none. */
  readonly answeredAt: Date | null
  readonly isSilent: boolean
  /** Whether they share by an earlier text than the one to sign now. */
  readonly isEarlier: boolean
  /** Whether what they signed on paper was recorded, and not confirmed yet. */
  readonly isOnPaper: boolean
  /** Whether they share by what they signed on paper. */
  readonly isByPaper: boolean
  /** Whether their consent is still in force, though they no longer have a place in the study. */
  readonly isLeftStanding: boolean
  /**
   * When the last reading came, of those that were measured by now and that the caller may see for the study, and when it was measured. One measured
   * later than tomorrow counts only if it came last.
   */
  readonly arrived: Date | null
  /** A moment, or a date alone. */
  readonly measured: string | null
  /** The number of its kind. */
  readonly kindId: number | null
}

export type StudyPeople = {
  readonly rows: readonly StudyPersonRow[]
  /** The compartments of those whom the text fits, whatever they have answered; none if there are many. */
  readonly named: readonly number[]
  /** How many people fit what was asked for. */
  readonly total: number
  /** Their ResearchSubjects; none if they are not asked for. */
  readonly ids: readonly string[]
  /** Counts for everybody in the study, whatever was asked for. */
  readonly counts: Readonly<Partial<Record<StudyState | 'silent' | 'earlier' | 'paper', number>>>
}

/** One page of the people in a study, with counts for each state, from the ResearchSubjects that the caller may search. */
export const readStudyPeople = async (
  connection: Connection,
  gate: Gate,
  asked: StudyPeopleAsked,
): Promise<StudyPeople> => {
  const { offset, limit, text, sort, shared } = asked
  const people = text === '' ? sql.fragment`person` : sql.fragment`named`
  const namedIds =
    text === ''
      ? sql.fragment`'{}'::integer[]`
      : sql.fragment`ARRAY(SELECT DISTINCT patient_id FROM named LIMIT ${mostNamed + 1})`
  const direction = sort === 'name' || sort === 'expiry' ? sql.fragment`ASC` : sql.fragment`DESC`
  const newest = name(sort === 'arrival' ? 'page' : 'newest')
  const rows = await connection.any<Row>(sql.fragment`
    WITH ${statesOf(gate, { ...asked, newestOf: sort === 'arrival' ? 'everybody' : 'awaited' })},
    named AS MATERIALIZED (SELECT person.* FROM person WHERE ${nameTest(gate, asked)}),
    matching AS MATERIALIZED (
      SELECT person.*, ${orderKey(gate, asked)} AS key FROM ${people} AS person WHERE ${stateTest(asked)}
    ),
    page AS (
      SELECT * FROM matching
      ORDER BY key ${direction} NULLS LAST, pk DESC
      OFFSET ${offset} LIMIT ${limit}
    )
    SELECT counted.counts, (SELECT count(*) FROM matching)::integer AS total,
      ${idsOf(asked)} AS ids,
      ${namedIds} AS named, page.patient_id AS "patientId",
      (SELECT content::text FROM research_subject AS subject WHERE subject.patient_id = page.patient_id AND subject.pk = page.pk) AS subject,
      (SELECT row.content::text FROM patient AS row WHERE ${isPatientOf(sql.fragment`page`)} AND ${visible(gate, 'Patient')}) AS patient,
      page.state, page.answered_at AS "answeredAt", page.silent AS "isSilent", page.earlier AS "isEarlier", page.paper AS "isOnPaper",
      coalesce(page.state IN ('all', 'partly', 'nothing') AND page.is_by_paper, FALSE) AS "isByPaper",
      coalesce(page.state = 'ended' AND page.is_standing AND ${hasLeft(sql.fragment`page.patient_id`, sql.fragment`${asked.study}`)}, FALSE) AS "isLeftStanding",
      ${newest}.arrived, ${newest}.measured, ${newest}.kind_id AS "kindId"
    FROM (
      SELECT coalesce(jsonb_object_agg(state, number), '{}') || jsonb_build_object(
        'silent', coalesce(sum(silent), 0), 'earlier', coalesce(sum(earlier), 0), 'paper', coalesce(sum(paper), 0)) AS counts
      FROM (
        SELECT state, count(*) AS number, count(*) FILTER (WHERE silent) AS silent,
          count(*) FILTER (WHERE earlier) AS earlier, count(*) FILTER (WHERE paper) AS paper
        FROM person GROUP BY state) AS of_state) AS counted
    LEFT JOIN page ON TRUE
    ${sort === 'arrival' ? sql.fragment`` : sql.fragment`LEFT JOIN LATERAL (${newestOfOne(gate, shared, { person: sql.fragment`page`, where: sql.fragment`page.opens` })}) AS newest ON TRUE`}
    ORDER BY page.key ${direction} NULLS LAST, page.pk DESC`)
  const [first] = rows
  const named = first?.named ?? []
  return {
    rows: rows.filter(({ subject }) => subject !== null) as readonly StudyPersonRow[],
    named: named.length > mostNamed ? [] : named,
    total: first?.total ?? 0,
    ids: first?.ids ?? [],
    counts: first?.counts ?? {},
  }
}

const idsOf = ({ ids }: StudyPeopleAsked): SqlFragment =>
  ids ? sql.fragment`ARRAY(SELECT id FROM matching)` : sql.fragment`'{}'::text[]`

/** A search that fits more people than this is about everybody. */
const mostNamed = 50

type Row = Omit<StudyPersonRow, 'subject'> &
  Pick<StudyPeople, 'named' | 'total' | 'ids' | 'counts'> & { readonly subject: string | null }

const isPatientOf = (person: SqlFragment): SqlFragment =>
  sql.fragment`row.patient_id = ${person}.patient_id AND row.id = ${person}.patient`

const stateTest = ({ state, study, notRecordedBy }: StudyPeopleAsked): SqlFragment => {
  if (state === undefined) return sql.fragment`TRUE`
  switch (state) {
    case 'silent':
      return sql.fragment`person.silent`
    case 'earlier':
      return sql.fragment`person.earlier`
    case 'paper':
      return notRecordedBy === undefined
        ? sql.fragment`person.paper`
        : sql.fragment`person.paper AND ${recordedBy(study)} IS DISTINCT FROM ${notRecordedBy}`
    default:
      return sql.fragment`person.state = ${state}`
  }
}

/** Who has recorded what waits of the row `person`. */
const recordedBy = (study: string): SqlFragment => sql.fragment`(
  SELECT recorded.practitioner FROM consent_grantee AS given JOIN paper_consent AS recorded USING (consent_id)
  WHERE given.patient_id = person.patient_id AND given.grantee = (SELECT grantee FROM study WHERE id = ${study})
    AND given.status = 'proposed' AND given.paper
  ORDER BY recorded.recorded_at DESC LIMIT 1)`

/** The letters are compared first: few have them, and only their names are read, one by one: in a set, all patients would be read for it. */
const nameTest = (gate: Gate, { text }: StudyPeopleAsked): SqlFragment => {
  if (text === '') return sql.fragment`TRUE`
  const pattern = sql.fragment`'%' || fhir_fold(${text.replace(/[\\%_]/g, '\\$&')}) || '%'`
  const hasWord = textTest({ kind: 'string', text }, sql.fragment`(part #>> '{}')`)
  const has = (content: SqlFragment, path: string) => sql.fragment`EXISTS (
    SELECT FROM jsonb_path_query(${content}, ${path}::jsonpath) AS part WHERE fhir_fold(part #>> '{}') LIKE ${pattern} OR ${hasWord})`
  const mayHave = (letters: SqlFragment) => sql.fragment`strpos(${letters}, (SELECT fhir_letters(${text}))) > 0`
  const identifiers = '$.identifier[*].value'
  const content = sql.fragment`row.content`
  return sql.fragment`(CASE WHEN ${mayHave(sql.fragment`person.codes`)} THEN EXISTS (
    SELECT FROM research_subject AS row WHERE row.patient_id = person.patient_id AND row.pk = person.pk AND ${has(content, identifiers)} OFFSET 0)
    ELSE FALSE END OR CASE WHEN ${mayHave(sql.fragment`person.names`)} THEN EXISTS (
    SELECT FROM patient AS row WHERE ${isPatientOf(sql.fragment`person`)} AND ${visible(gate, 'Patient')}
      AND ${anyOf([...names, identifiers].map(path => has(content, path)))} OFFSET 0) ELSE FALSE END)`
}

const names = ['$.name[*].family', '$.name[*].given[*]', '$.name[*].text']

/** By name, those without a name that the caller may read are sorted by their code. */
const orderKey = (gate: Gate, { sort }: StudyPeopleAsked): SqlFragment => {
  switch (sort) {
    case 'arrival':
      return sql.fragment`person.arrived`
    case 'answer':
      return sql.fragment`person.answered_at`
    case 'enrolment':
      return sql.fragment`person.pk`
    case 'invited':
      return ofInvitations(sql.fragment`max(made_at)`)
    case 'expiry':
      return ofInvitations(sql.fragment`min(expires_at) FILTER (WHERE ended_at IS NULL AND expires_at > now())`)
    case 'name':
      return sql.fragment`CASE WHEN person.named IS NOT NULL AND EXISTS (
        SELECT FROM patient AS row WHERE ${isPatientOf(sql.fragment`person`)} AND ${visible(gate, 'Patient')} OFFSET 0)
        THEN person.named ELSE person.code END`
  }
}

const ofInvitations = (key: SqlFragment): SqlFragment =>
  sql.fragment`(SELECT ${key} FROM invitation WHERE invitation.subject = person.id)`
