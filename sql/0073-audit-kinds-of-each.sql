-- What was answered of several patients tells each of them the kinds of what was theirs, and no other's. kinds_of: by the patient's number, as in
-- patients, the kinds of what was theirs; whoever is not in it has none. NULL where all had all: nearly always.
ALTER TABLE audit_record ADD kinds_of jsonb;

-- What came later is in it only where there is any, with its name: so what was sealed before stands as it is.
CREATE OR REPLACE FUNCTION audit_digest(entry audit_record) RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT sha256(convert_to(
    audit_field(entry.id::text) || audit_field(entry.epoch::text) || audit_field(entry.xact::text)
    || audit_field((extract(epoch FROM entry.recorded) * 1000000)::bigint::text)
    || audit_field(entry.request) || audit_field(entry.person) || audit_field(entry.practitioner) || audit_field(entry.patient)
    || audit_field(entry.client) || audit_field(entry.study) || audit_field(entry.interaction) || audit_field(entry.operation)
    || audit_field(entry.type) || audit_field(entry.resource) || audit_field(entry.patients::text) || audit_field(entry.kinds::text)
    || audit_field(entry.query) || audit_field(entry.outcome::text)
    || CASE WHEN entry.kinds_of IS NULL THEN '' ELSE audit_field('kinds_of ' || entry.kinds_of::text) END, 'UTF8'))
$$;

-- Whose numbers were not known while it was recorded stand in it as references. NULL where it says no more than the two lists.
CREATE FUNCTION audit_kinds_by_number(said jsonb, patients integer[], kinds integer[]) RETURNS jsonb STABLE STRICT LANGUAGE sql AS $$
  WITH own AS (
    SELECT coalesce(compartment.patient_id::text, named.key) AS number, array_agg(DISTINCT kind::integer ORDER BY kind::integer) AS kinds
    FROM jsonb_each(said) AS named
    LEFT JOIN patient_compartment AS compartment ON compartment.id = substr(named.key, 9) AND named.key LIKE 'Patient/%'
    CROSS JOIN LATERAL jsonb_array_elements_text(named.value) AS kind
    WHERE named.key NOT LIKE 'Patient/%' OR compartment.id IS NOT NULL
    GROUP BY 1)
  SELECT CASE WHEN count(*) < cardinality(patients) OR NOT bool_and(own.kinds @> $3)
    THEN coalesce(jsonb_object_agg(number, to_jsonb(own.kinds)), '{}') END
  FROM own
$$;

CREATE INDEX compartment_joining_earlier ON compartment_joining (earlier, later) WHERE earlier <> later;

-- The numbers that a patient had before as well: what was recorded before compartments were joined keeps those.
CREATE FUNCTION audit_numbers(patient integer) RETURNS integer[] STABLE LANGUAGE sql AS $$
  WITH RECURSIVE had(number) AS (
    SELECT patient
    UNION
    SELECT joining.later FROM had
    JOIN compartment_joining AS joining ON joining.earlier = had.number AND joining.earlier <> joining.later)
  SELECT array_agg(number) FROM had
$$;

-- Of which kinds somebody is told that it was: whoever oversees it of all, patients of what was theirs.
CREATE FUNCTION audit_kinds_shown(entry audit_record, subjects text[], told text) RETURNS integer[] STABLE LANGUAGE plpgsql AS $$
BEGIN
  IF entry.kinds_of IS NULL OR told IS NOT NULL THEN RETURN entry.kinds; END IF;
  RETURN ARRAY(
    SELECT DISTINCT kind::integer
    FROM patient_compartment AS own
    CROSS JOIN LATERAL unnest(audit_numbers(own.patient_id)) AS number
    CROSS JOIN LATERAL jsonb_array_elements_text(entry.kinds_of -> number::text) AS kind
    WHERE own.id = ANY(subjects));
END
$$;

-- Those of its patients together of whom it had the same kinds. PostgreSQL writes it into the statement that asks.
CREATE FUNCTION audit_kinds_apart(entry audit_record) RETURNS TABLE (patients integer[], kinds integer[]) STABLE LANGUAGE sql AS $$
  SELECT entry.patients, entry.kinds WHERE entry.kinds_of IS NULL
  UNION ALL
  SELECT array_agg(own.patient), own.kinds
  FROM (
    SELECT patient, ARRAY(
      SELECT kind::integer FROM jsonb_array_elements_text(entry.kinds_of -> patient::text) AS kind ORDER BY 1) AS kinds
    FROM unnest(entry.patients) AS patient
    WHERE entry.kinds_of IS NOT NULL) AS own
  GROUP BY own.kinds
$$;

-- Which Consents let somebody see these kinds of a patient's: of what was theirs, where it is known.
CREATE OR REPLACE FUNCTION note_audit_consents(records bigint[]) RETURNS bytea
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  digests bytea;
BEGIN
  -- Those who asked alike within a second, for whom kinds and permits are looked up once.
  WITH together AS MATERIALIZED (
    SELECT date_trunc('second', record.recorded) AS instant, record.practitioner, record.study, own.patients, own.kinds,
      record.kinds <> '{}' AS is_of_kinds, record.type,
      CASE WHEN record.practitioner IS NULL THEN client.organization END AS organization,
      array_agg(record.id) AS ids, array_agg(record.recorded) AS times
    FROM audit_record AS record
    LEFT JOIN client ON client.id = record.client
    CROSS JOIN LATERAL audit_kinds_apart(record) AS own
    WHERE record.id = ANY(records) AND record.outcome < 400 AND record.patients <> '{}' AND record.type IS NOT NULL
      AND record.interaction NOT IN ('sign-in', 'create', 'update', 'patch', 'delete') AND record.patient IS NULL
      AND (record.practitioner IS NOT NULL OR (record.person IS NULL AND client.organization IS NOT NULL))
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ),
  alike AS MATERIALIZED (
    SELECT instant, practitioner, study, organization, patients, ids, times,
      CASE
        WHEN together.is_of_kinds THEN ARRAY(
          SELECT member_id FROM kind_member WHERE kind_member.kind_id = ANY(together.kinds)
          UNION SELECT kind_id FROM kind WHERE key = ANY(named.types))
        WHEN 'Observation' <> ALL(named.types) AND 'Device' <> ALL(named.types) THEN ARRAY(
          SELECT kind_id FROM kind WHERE key = ANY(named.types)) END AS kinds
    FROM together
    CROSS JOIN LATERAL (
      SELECT array_agg(type) || array_agg('http://hl7.org/fhir/resource-types|' || type) AS types
      FROM unnest(string_to_array(together.type, ' ')) AS type) AS named
  ),
  asker AS MATERIALIZED (
    SELECT practitioner, organization, study, instant, audit_grantees(practitioner, organization, study, instant) AS grantees
    FROM (SELECT DISTINCT practitioner, organization, study, instant FROM alike) AS distinct_asker
  ),
  asked AS MATERIALIZED (
    SELECT alike.patients, alike.kinds, alike.ids, alike.times, asker.grantees
    FROM alike JOIN asker ON asker.practitioner IS NOT DISTINCT FROM alike.practitioner
      AND asker.organization IS NOT DISTINCT FROM alike.organization
      AND asker.study IS NOT DISTINCT FROM alike.study AND asker.instant = alike.instant
  ),
  -- All that may have let one of them at some moment of the second, or of the one before.
  candidate AS MATERIALIZED (
    SELECT asked.ids, asked.times, permit.patient_id, permit.consent_id, permit.version, permit.since, permit.ended, permit.valid_from,
      permit.valid_to, coalesce('ResearchStudy/' || of_study.study_id,
        CASE grantee.kind WHEN 'organization' THEN 'Organization/' ELSE 'Practitioner/' END || grantee.id) AS given_to
    FROM asked
    JOIN then_permit AS permit ON permit.patient_id = ANY(asked.patients) AND permit.grantee = ANY(asked.grantees)
    JOIN grantee ON grantee.grantee = permit.grantee
    LEFT JOIN study_grantee AS of_study ON of_study.grantee = permit.grantee
    WHERE permit.consented
      AND (permit.kind_id = ANY(asked.kinds) OR (asked.kinds IS NULL AND permit.device_id <> -1))
  ),
  noted AS (
    INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
    SELECT DISTINCT ON (entry.id, permit.consent_id)
      entry.id, entry.recorded, permit.patient_id, permit.consent_id, permit.version, permit.given_to
    FROM candidate AS permit, unnest(permit.ids, permit.times) AS entry(id, recorded)
    WHERE permit.since <= entry.recorded AND permit.ended > entry.recorded - interval '1 second'
      AND permit.valid_from <= entry.recorded AND permit.valid_to > entry.recorded - interval '1 second'
    ORDER BY entry.id, permit.consent_id, permit.version DESC
    RETURNING record, consent, audit_digest(audit_consent) AS digest
  )
  SELECT coalesce(string_agg(digest, '' ORDER BY record, consent), '') INTO digests FROM noted;
  RETURN digests;
END
$$;

-- https://profiles.ihe.net/ITI/BALP: who reads it is told of staff and clients by name, and of no patient but those whom it names. FHIR
-- lets no Person be an agent: an account that is neither staff nor a patient is an identifier. Where no subjects and no owner are given it is for administrators.
-- All bear the names that they had then: who renames or deletes somebody changes nothing of what they did. A patient is told the kinds of what was theirs.
CREATE OR REPLACE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb STABLE LANGUAGE sql AS $$
  WITH allowing AS MATERIALIZED (SELECT * FROM audit_consents_shown(of_record, subjects, told) ORDER BY consent, version),
  studied AS MATERIALIZED (
    SELECT 'ResearchStudy/' || named.id AS reference, study.title
    FROM (
      SELECT study AS id FROM audit_record WHERE audit_record.id = of_record AND study IS NOT NULL
      UNION SELECT split_part(given_to, '/', 2) FROM allowing WHERE given_to LIKE 'ResearchStudy/%') AS named
    LEFT JOIN LATERAL audit_study(named.id, (SELECT recorded FROM audit_record WHERE audit_record.id = of_record)) AS study ON TRUE)
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'resourceType', 'AuditEvent',
    'id', of_id,
    'meta', jsonb_build_object(
      'versionId', '1',
      'lastUpdated', at.instant,
      'profile', (SELECT jsonb_agg('https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.' || profile)
        FROM (SELECT CASE WHEN entry.outcome < 400 AND cardinality(subjects) = 1 THEN 'Patient' ELSE '' END || CASE entry.interaction
          WHEN 'search-type' THEN 'Query' WHEN 'read' THEN 'Read' WHEN 'vread' THEN 'Read' WHEN 'create' THEN 'Create'
          WHEN 'update' THEN 'Update' WHEN 'patch' THEN 'Update' WHEN 'delete' THEN 'Delete' END AS profile) AS named
        WHERE profile IS NOT NULL)),
    'type', CASE entry.interaction
      WHEN 'sign-in' THEN jsonb_build_object('system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110114', 'display', 'User Authentication')
      ELSE jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/audit-event-type', 'code', 'rest', 'display', 'RESTful Operation') END,
    'subtype', jsonb_build_array(CASE entry.interaction
      WHEN 'sign-in' THEN jsonb_build_object('system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110122', 'display', 'Login')
      ELSE jsonb_build_object('system', 'http://hl7.org/fhir/restful-interaction', 'code', entry.interaction) END),
    'action', CASE entry.interaction WHEN 'create' THEN 'C' WHEN 'update' THEN 'U' WHEN 'patch' THEN 'U' WHEN 'delete' THEN 'D'
      WHEN 'read' THEN 'R' WHEN 'vread' THEN 'R' WHEN 'history-instance' THEN 'R' ELSE 'E' END,
    'recorded', at.instant,
    'outcome', CASE WHEN entry.outcome < 400 THEN '0' WHEN entry.outcome < 500 THEN '4' ELSE '8' END,
    'outcomeDesc', 'HTTP ' || entry.outcome,
    'agent', (SELECT jsonb_agg(agent ORDER BY place) FROM (VALUES
      (1, CASE
        WHEN entry.practitioner IS NOT NULL THEN jsonb_build_object('name', staff.name, 'requestor', true,
          'type', recipient, 'who', jsonb_build_object('reference', 'Practitioner/' || entry.practitioner, 'type', 'Practitioner'))
        WHEN entry.patient = ANY(subjects) THEN jsonb_build_object('requestor', true, 'type', recipient,
          'who', jsonb_build_object('reference', 'Patient/' || entry.patient, 'type', 'Patient'))
        WHEN entry.person IS NOT NULL AND (is_of_installation OR (
            entry.patient IS NULL AND NOT EXISTS (SELECT FROM person_patient AS linked WHERE linked.person = entry.person)))
          THEN jsonb_build_object('name', account.name, 'requestor', true, 'type', recipient,
            'who', account_identifier)
        WHEN entry.person IS NOT NULL AND entry.interaction = 'sign-in' THEN jsonb_build_object('requestor', true, 'type', recipient,
          'who', account_identifier)
        WHEN entry.person IS NOT NULL OR entry.patient IS NOT NULL THEN jsonb_build_object('requestor', true, 'type', recipient,
          'name', 'Somebody else, who is no staff',
          'who', jsonb_build_object('display', 'Somebody else, who is no staff')) END),
      (2, jsonb_build_object('requestor', entry.practitioner IS NULL AND entry.patient IS NULL AND entry.person IS NULL, 'name', app.name,
        'type', jsonb_build_object('coding', jsonb_build_array(jsonb_build_object(
          'system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110153', 'display', 'Source Role ID'))),
        'who', jsonb_build_object('identifier', jsonb_build_object('value', entry.client)))),
      (3, jsonb_build_object('requestor', false, 'type', jsonb_build_object('coding', jsonb_build_array(jsonb_build_object(
          'system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110152', 'display', 'Destination Role ID'))),
        'who', jsonb_build_object('display', 'Sharewell')))
      ) AS agents(place, agent) WHERE agent IS NOT NULL),
    'source', jsonb_build_object('observer', jsonb_build_object('display', 'Sharewell')),
    'entity', (SELECT jsonb_agg(entity ORDER BY place) FROM (
      SELECT 1 AS place, jsonb_build_object('type', audit_entity_type('1'), 'role', audit_entity_role('1'),
        'what', jsonb_build_object('reference', 'Patient/' || subject)) AS entity FROM unnest(subjects) AS subject
      UNION ALL
      SELECT 2, jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('20'), 'name', studied.title,
        'what', jsonb_build_object('reference', studied.reference)) FROM studied
      UNION ALL
      SELECT 3, jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('4'), 'description', entry.type,
        'what', CASE WHEN entry.resource IS NOT NULL AND entry.type NOT LIKE '% %' AND (
            entry.type <> 'Patient' OR entry.resource = ANY(subjects)) AND NOT (is_of_installation AND NOT audit_is_ruled(ARRAY[entry.type]))
          THEN jsonb_build_object('reference', entry.type || '/' || entry.resource) END,
        'detail', (SELECT jsonb_agg(jsonb_build_object('type', 'kind', 'valueString', kind.key) ORDER BY kind.key)
          FROM kind WHERE kind.kind_id = ANY((SELECT audit_kinds_shown(entry, subjects, told))::integer[]))) WHERE entry.type IS NOT NULL
      UNION ALL
      SELECT 4, jsonb_build_object('type', jsonb_build_object('system', 'http://hl7.org/fhir/resource-types', 'code', 'Consent'),
        'what', jsonb_build_object('reference', 'Consent/' || consent || '/_history/' || version)) FROM allowing
      UNION ALL
      SELECT 5, jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('24'),
        'query', translate(encode(convert_to(concat_ws('?', entry.type, entry.query), 'UTF8'), 'base64'), E'\n', ''))
        WHERE entry.query IS NOT NULL
      UNION ALL
      SELECT 6, jsonb_build_object('type', jsonb_build_object('system', 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
        'code', 'XrequestId'), 'what', jsonb_build_object('identifier', jsonb_build_object('value', entry.request)))
        WHERE entry.request IS NOT NULL) AS entities)))
  FROM audit_record AS entry
  CROSS JOIN (VALUES (jsonb_build_object('coding', jsonb_build_array(jsonb_build_object('system',
    'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'code', 'IRCP', 'display', 'information recipient'))))) AS role(recipient)
  CROSS JOIN LATERAL (SELECT to_char(entry.recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS instant) AS at
  LEFT JOIN LATERAL audit_practitioner(entry.practitioner, entry.recorded) AS staff ON TRUE
  CROSS JOIN LATERAL (SELECT jsonb_build_object('identifier', jsonb_build_object('system', 'https://sharewell.dev/fhir/account', 'value', entry.person)) AS account_identifier) AS acting
  CROSS JOIN LATERAL (SELECT told IS NULL AND subjects = '{}' AND entry.patients = '{}' AS is_of_installation) AS shown
  LEFT JOIN LATERAL audit_person(CASE WHEN entry.practitioner IS NULL THEN entry.person END, entry.recorded) AS account ON TRUE
  LEFT JOIN LATERAL audit_client(entry.client, entry.recorded) AS app ON TRUE
  WHERE entry.id = of_record
$$;
