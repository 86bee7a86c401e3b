import { systems } from '../../../fhir/canonical.ts'
import { type SqlFragment, sql } from '../../sql.ts'

/**
 * The part of an AuditEvent that a search parameter is about; undefined if that would be nearly all of it. `audit_content` (its newest definition in
 * sql/) makes the whole event from the record, and this repeats a part of that: assembling 30,000 whole events for a question took half a minute.
 * Whoever changes one must change the other; test/storage/audit/shown/record-test.test.ts compares both.
 */
export const recordedPart = (code: string, row: SqlFragment): SqlFragment | undefined => parts[code]?.(row)

type Part = (row: SqlFragment) => SqlFragment

const ofEntry =
  (content: SqlFragment, beside = sql.fragment``): Part =>
  row =>
    sql.fragment`(SELECT ${content} FROM audit_record AS entry ${beside} WHERE entry.id = ${row}.record)`

const always =
  (content: string): Part =>
  () =>
    sql.fragment`${content}::jsonb`

const dicom = sql.fragment`'http://dicom.nema.org/resources/ontology/DCM'`

const type = sql.fragment`jsonb_build_object('type', CASE entry.interaction
  WHEN 'sign-in' THEN jsonb_build_object('system', ${dicom}, 'code', '110114', 'display', 'User Authentication')
  ELSE jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/audit-event-type', 'code', 'rest',
    'display', 'RESTful Operation') END)`

const login = '110122'

const subtype = sql.fragment`jsonb_build_object('subtype', jsonb_build_array(CASE entry.interaction
  WHEN 'sign-in' THEN jsonb_build_object('system', ${dicom}, 'code', ${login}::text, 'display', 'Login')
  ELSE jsonb_build_object('system', 'http://hl7.org/fhir/restful-interaction', 'code', entry.interaction) END))`

/** The interaction of a record `entry`, as the code of its event's subtype. */
export const recordedSubtype = sql.fragment`CASE entry.interaction WHEN 'sign-in' THEN ${login}::text ELSE entry.interaction END`

/** The same as the code of its action. */
export const recordedAction = sql.fragment`CASE entry.interaction
  WHEN 'create' THEN 'C' WHEN 'update' THEN 'U' WHEN 'patch' THEN 'U' WHEN 'delete' THEN 'D'
  WHEN 'read' THEN 'R' WHEN 'vread' THEN 'R' WHEN 'history-instance' THEN 'R' ELSE 'E' END`

const action = sql.fragment`jsonb_build_object('action', ${recordedAction})`

const outcome = sql.fragment`jsonb_build_object('outcome', CASE
  WHEN entry.outcome < 400 THEN '0' WHEN entry.outcome < 500 THEN '4' ELSE '8' END)`

const profile: Part = row =>
  ofEntry(sql.fragment`jsonb_strip_nulls(jsonb_build_object('meta', jsonb_build_object('profile',
    'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.'
    || audit_profile(entry, ${row}.subjects, audit_is_named(entry, ${row}.subjects,
      ${row}.owner IS NULL AND ${row}.subjects = '{}' AND entry.patients = '{}')))))`)(row)

const allowing = (row: SqlFragment): SqlFragment =>
  sql.fragment`audit_consents_shown(${row}.record, ${row}.subjects, ${row}.owner) AS allowing`
const ofStudies = sql.fragment`allowing.given_to LIKE 'ResearchStudy/%'`

/** Types and roles of everything that it names, each once. */
const entities: Part = row =>
  ofEntry(sql.fragment`jsonb_build_object('entity', jsonb_build_array(
    CASE WHEN cardinality(${row}.subjects) > 0 THEN jsonb_build_object('type', audit_entity_type('1'), 'role', audit_entity_role('1')) END,
    CASE WHEN entry.study IS NOT NULL OR EXISTS (SELECT FROM ${allowing(row)} WHERE ${ofStudies})
      THEN jsonb_build_object('type', audit_resource_type('ResearchStudy'), 'role', audit_entity_role('20')) END,
    CASE WHEN entry.type IS NOT NULL THEN jsonb_build_object('type', audit_data_type(entry), 'role', audit_entity_role('4')) END,
    CASE WHEN EXISTS (SELECT FROM ${allowing(row)})
      THEN jsonb_build_object('type', audit_resource_type('Consent')) END,
    CASE WHEN entry.query IS NOT NULL THEN jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('24')) END,
    CASE WHEN entry.request IS NOT NULL THEN jsonb_build_object('type', jsonb_build_object(
      'system', 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', 'code', 'XrequestId')) END))`)(row)

const titles: Part = row =>
  ofEntry(sql.fragment`jsonb_strip_nulls(jsonb_build_object('entity', (
    SELECT jsonb_agg(jsonb_build_object('name', study.title))
    FROM (
      SELECT entry.study AS id WHERE entry.study IS NOT NULL
      UNION SELECT split_part(allowing.given_to, '/', 2) FROM ${allowing(row)} WHERE ${ofStudies}) AS named
    CROSS JOIN LATERAL audit_study(named.id, entry.recorded) AS study)))`)(row)

/** Names of those who were neither staff nor, to this reader, a patient: only if the reader may know them. */
const names: Part = row =>
  ofEntry(
    sql.fragment`jsonb_strip_nulls(jsonb_build_object('agent', jsonb_build_array(
      jsonb_build_object('name', CASE
        WHEN entry.practitioner IS NOT NULL THEN staff.name
        WHEN entry.patient = ANY(${row}.subjects) THEN NULL
        WHEN entry.person IS NOT NULL AND entry.patient IS NULL
          AND NOT EXISTS (SELECT FROM person_patient AS linked WHERE linked.person = entry.person) THEN account.name
        WHEN entry.person IS NOT NULL AND entry.interaction = 'sign-in' THEN NULL
        WHEN entry.person IS NOT NULL OR entry.patient IS NOT NULL THEN ${nobodyOfStaff}::text END),
      jsonb_build_object('name', app.name))))`,
    sql.fragment`
      LEFT JOIN LATERAL audit_practitioner(entry.practitioner, entry.recorded) AS staff ON TRUE
      LEFT JOIN LATERAL audit_person(CASE WHEN entry.practitioner IS NULL THEN entry.person END, entry.recorded) AS account ON TRUE
      LEFT JOIN LATERAL audit_client(entry.client, entry.recorded) AS app ON TRUE`,
  )(row)

/** As the event calls them. */
export const nobodyOfStaff = 'Somebody else, who is no staff'

/** Who it was, and through which client. `audit_content` decides in the same way whom the reader is told of, and how. */
const agents: Part = row =>
  ofEntry(sql.fragment`jsonb_strip_nulls(jsonb_build_object('agent', jsonb_build_array(
    jsonb_build_object('who', CASE
      WHEN entry.practitioner IS NOT NULL
        THEN jsonb_build_object('reference', 'Practitioner/' || entry.practitioner, 'type', 'Practitioner')
      WHEN entry.patient = ANY(${row}.subjects)
        THEN jsonb_build_object('reference', 'Patient/' || entry.patient, 'type', 'Patient')
      WHEN entry.person IS NOT NULL AND (entry.interaction = 'sign-in' OR (entry.patient IS NULL
          AND NOT EXISTS (SELECT FROM person_patient AS linked WHERE linked.person = entry.person)))
        THEN jsonb_build_object('identifier', jsonb_build_object('system', ${systems.account}::text, 'value', entry.person))
      WHEN entry.person IS NOT NULL OR entry.patient IS NOT NULL
        THEN jsonb_build_object('display', ${nobodyOfStaff}::text) END),
    jsonb_build_object('who', jsonb_build_object('identifier', jsonb_build_object('value', entry.client))),
    jsonb_build_object('who', jsonb_build_object('display', 'Sharewell')))))`)(row)

/** For what no record says, and so no event that is made from one. */
const nothing = always('{}')

const parts: Readonly<Record<string, Part>> = {
  type: ofEntry(type),
  subtype: ofEntry(subtype),
  action: ofEntry(action),
  outcome: ofEntry(outcome),
  agent: agents,
  'agent-name': names,
  'entity-name': titles,
  'entity-role': entities,
  'entity-type': entities,
  _profile: profile,
  source: always('{"source": {"observer": {"display": "Sharewell"}}}'),
  address: nothing,
  'agent-role': nothing,
  altid: nothing,
  policy: nothing,
  site: nothing,
  _security: nothing,
  _source: nothing,
  _tag: nothing,
}
