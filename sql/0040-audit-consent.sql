-- Which Consents let somebody see what they were answered. The sealer tells it within the second, of what was in force at the time; it
-- stands in the chain with the record, and changes no more. patient: the compartment, as it was numbered then. given_to: a study, an
-- organization or a practitioner.
CREATE TABLE audit_consent (
  record   bigint NOT NULL,
  recorded timestamptz NOT NULL,
  patient  integer NOT NULL,
  consent  text COLLATE "C" NOT NULL,
  version  integer NOT NULL,
  given_to text COLLATE "C" NOT NULL,
  PRIMARY KEY (record, consent)
);

CREATE FUNCTION audit_digest(entry audit_consent) RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT sha256(convert_to(
    audit_field(entry.record::text) || audit_field((extract(epoch FROM entry.recorded) * 1000000)::bigint::text)
    || audit_field(entry.patient::text) || audit_field(entry.consent) || audit_field(entry.version::text) || audit_field(entry.given_to),
    'UTF8'))
$$;

CREATE OR REPLACE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_enough boolean := false;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF TG_TABLE_NAME IN ('audit_record', 'audit_consent') THEN old_enough := OLD.recorded < now() - interval '6 years'; END IF;
    IF TG_TABLE_NAME = 'audit_seal' THEN old_enough := OLD.sealed < now() - interval '6 years'; END IF;
    IF old_enough AND EXISTS (SELECT FROM audit_checkpoint WHERE made = now()) THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION 'what is recorded in % is neither changed nor removed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit_consent FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit_consent FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
DO $$
BEGIN
  EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_consent FROM PUBLIC, CURRENT_USER';
END $$;

-- Until the sealer has passed, what decided who sees what is kept as it was before it changed.
CREATE TABLE audit_ended (
  source text NOT NULL,
  ended  timestamptz NOT NULL DEFAULT clock_timestamp(),
  row    jsonb NOT NULL
);
CREATE INDEX audit_ended_source ON audit_ended (source, ended);
CREATE FUNCTION note_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_ended (source, row) VALUES (TG_TABLE_NAME, to_jsonb(OLD));
  RETURN NULL;
END
$$;

-- since: the transaction that wrote the row, by the clock that times the records too.
ALTER TABLE study_group_observation_consents ADD since timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE study_group_observation_consents ALTER since SET DEFAULT now();

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['study_group_observation_consents', 'study', 'study_staff', 'membership', 'organization_ancestor'] LOOP
    EXECUTE format('CREATE TRIGGER note_ended AFTER UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION note_ended()', name);
    EXECUTE format('
      CREATE VIEW %1$s AS
        SELECT %2$I.*, ''infinity''::timestamptz AS ended FROM %2$I
        UNION ALL
        SELECT past.*, audit_ended.ended FROM audit_ended, jsonb_populate_record(NULL::%2$I, audit_ended.row) AS past
        WHERE audit_ended.source = %2$L', 'then_' || CASE name WHEN 'study_group_observation_consents' THEN 'permit' ELSE name END, name);
  END LOOP;
END $$;

-- practitioner_grantees and organization_grantees, as they answered in the second that begins then, or in the one before.
CREATE FUNCTION audit_grantees(asked text, of_organization text, only_study text, at timestamptz) RETURNS integer[]
STABLE LANGUAGE plpgsql AS $$
DECLARE
  low timestamptz := at - interval '1 second';
  high timestamptz := at + interval '1 second';
BEGIN
  IF asked IS NULL THEN
    RETURN ARRAY(
      SELECT study.grantee FROM then_study AS study
      WHERE study.organization = of_organization AND study.in_force AND study.period_start < high AND study.period_end > low
        AND study.ended > low AND (only_study IS NULL OR study.id = only_study));
  END IF;
  RETURN ARRAY(
    SELECT study.grantee
    FROM then_study_staff AS staff
    JOIN then_study AS study ON study.id = staff.study_id
    WHERE staff.practitioner = asked AND staff.period_start < high AND staff.period_end > low AND staff.ended > low
      AND study.in_force AND study.period_start < high AND study.period_end > low AND study.ended > low
      AND (only_study IS NULL OR study.id = only_study)
    UNION
    SELECT study.grantee
    FROM then_membership AS membership
    JOIN then_organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ended > low
    JOIN then_study AS study ON study.organization = tree.ancestor AND study.access = 'organization'
    WHERE membership.practitioner = asked AND membership.period_start < high AND membership.period_end > low AND membership.ended > low
      AND study.in_force AND study.period_start < high AND study.period_end > low AND study.ended > low
      AND (only_study IS NULL OR study.id = only_study)
    UNION
    SELECT grantee.grantee
    FROM then_membership AS membership
    JOIN grantee ON grantee.kind = 'organization' AND grantee.id = membership.organization
    WHERE membership.practitioner = asked AND only_study IS NULL
      AND membership.period_start < high AND membership.period_end > low AND membership.ended > low
    UNION
    SELECT grantee.grantee
    FROM grantee WHERE grantee.kind = 'practitioner' AND grantee.id = asked AND only_study IS NULL);
END
$$;

-- Of staff and of organizations' clients who were answered something of patients: the Consents that let them see data of these kinds, or
-- these types, of each. A version that ended in the second before counts where no later one allowed it, for the answer was made before
-- its record.
CREATE FUNCTION note_audit_consents(records bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH entry AS MATERIALIZED (
    SELECT record.id, record.recorded, date_trunc('second', record.recorded) AS instant, record.patients, record.practitioner, record.study,
      CASE WHEN record.practitioner IS NULL THEN client.organization END AS organization,
      CASE
        WHEN record.kinds <> '{}' THEN ARRAY(
          SELECT member_id FROM kind_member WHERE kind_member.kind_id = ANY(record.kinds)
          UNION SELECT kind_id FROM kind WHERE key = ANY(named.types))
        WHEN 'Observation' <> ALL(named.types) AND 'Device' <> ALL(named.types) THEN ARRAY(
          SELECT kind_id FROM kind WHERE key = ANY(named.types)) END AS kinds
    FROM audit_record AS record
    LEFT JOIN client ON client.id = record.client
    CROSS JOIN LATERAL (
      SELECT array_agg(type) || array_agg('http://hl7.org/fhir/resource-types|' || type) AS types
      FROM unnest(string_to_array(record.type, ' ')) AS type) AS named
    WHERE record.id = ANY(records) AND record.outcome < 400 AND record.patients <> '{}' AND record.type IS NOT NULL
      AND record.interaction NOT IN ('sign-in', 'create', 'update', 'patch', 'delete') AND record.patient IS NULL
      AND (record.practitioner IS NOT NULL OR (record.person IS NULL AND client.organization IS NOT NULL))
  ),
  asker AS MATERIALIZED (
    SELECT practitioner, organization, study, instant, audit_grantees(practitioner, organization, study, instant) AS grantees
    FROM (SELECT DISTINCT practitioner, organization, study, instant FROM entry) AS distinct_asker
  )
  INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
  SELECT DISTINCT ON (entry.id, permit.consent_id)
    entry.id, entry.recorded, permit.patient_id, permit.consent_id, permit.version,
    CASE grantee.kind WHEN 'study' THEN 'ResearchStudy/' WHEN 'organization' THEN 'Organization/' ELSE 'Practitioner/' END || grantee.id
  FROM entry
  JOIN asker ON asker.practitioner IS NOT DISTINCT FROM entry.practitioner AND asker.organization IS NOT DISTINCT FROM entry.organization
    AND asker.study IS NOT DISTINCT FROM entry.study AND asker.instant = entry.instant
  JOIN then_permit AS permit ON permit.patient_id = ANY(entry.patients) AND permit.grantee = ANY(asker.grantees)
  JOIN grantee ON grantee.grantee = permit.grantee
  WHERE permit.consented AND permit.since <= entry.recorded AND permit.ended > entry.recorded - interval '1 second'
    AND permit.valid_from <= entry.recorded AND permit.valid_to > entry.recorded - interval '1 second'
    AND (permit.kind_id = ANY(entry.kinds) OR (entry.kinds IS NULL AND permit.device_id <> -1))
  ORDER BY entry.id, permit.consent_id, permit.version DESC
$$;

-- Which Consents an event names: those of the patients that it names. Where an organization's officers read it, of what was given to studies
-- and organizations only those of their tenant; the practitioner to whom one was given is named in it anyway.
CREATE FUNCTION audit_consents_shown(of_record bigint, subjects text[], told text)
RETURNS TABLE (consent text, version integer, given_to text) STABLE ROWS 2 LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  SELECT noted.consent, noted.version, noted.given_to
  FROM audit_consent AS noted
  JOIN resource_identity AS identity ON identity.id = noted.consent
    AND identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'Consent')
  WHERE noted.record = of_record
    AND EXISTS (
      SELECT FROM patient_compartment AS own WHERE own.id = ANY(subjects) AND own.patient_id = identity.patient_id)
    AND (told IS NULL OR noted.given_to LIKE 'Practitioner/%' OR EXISTS (
      SELECT FROM organization_node AS mine JOIN organization_node AS other ON other.tenant = mine.tenant
      WHERE mine.id = told AND (
        noted.given_to = 'Organization/' || other.id
        OR EXISTS (SELECT FROM study WHERE noted.given_to = 'ResearchStudy/' || study.id AND study.organization = other.id))));
END
$$;

DROP VIEW audit_event_shown;
DROP FUNCTION audit_content(bigint, text, text[]);

-- https://profiles.ihe.net/ITI/BALP: who reads it is told of staff and clients by name, and of no patient but those whom it names.
CREATE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb STABLE LANGUAGE sql AS $$
  WITH allowing AS MATERIALIZED (SELECT * FROM audit_consents_shown(of_record, subjects, told) ORDER BY consent, version),
  studied AS MATERIALIZED (
    SELECT 'ResearchStudy/' || named.id AS reference, (
      SELECT row.content ->> 'title' FROM resource_identity AS identity
      JOIN research_study AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
      WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'ResearchStudy') AND identity.id = named.id) AS title
    FROM (
      SELECT study AS id FROM audit_record WHERE audit_record.id = of_record AND study IS NOT NULL
      UNION SELECT split_part(given_to, '/', 2) FROM allowing WHERE given_to LIKE 'ResearchStudy/%') AS named)
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
          'type', recipient, 'who', jsonb_build_object('reference', 'Practitioner/' || entry.practitioner))
        WHEN entry.patient = ANY(subjects) THEN jsonb_build_object('requestor', true, 'type', recipient,
          'who', jsonb_build_object('reference', 'Patient/' || entry.patient))
        WHEN entry.person IS NOT NULL AND entry.interaction = 'sign-in' THEN jsonb_build_object('requestor', true, 'type', recipient,
          'who', jsonb_build_object('reference', 'Person/' || entry.person))
        WHEN entry.person IS NOT NULL OR entry.patient IS NOT NULL THEN jsonb_build_object('requestor', true, 'type', recipient,
          'name', 'Somebody else, who is no staff') END),
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
            entry.type <> 'Patient' OR entry.resource = ANY(subjects))
          THEN jsonb_build_object('reference', entry.type || '/' || entry.resource) END,
        'detail', (SELECT jsonb_agg(jsonb_build_object('type', 'kind', 'valueString', kind.key) ORDER BY kind.key)
          FROM kind WHERE kind.kind_id = ANY(entry.kinds))) WHERE entry.type IS NOT NULL
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
  LEFT JOIN LATERAL (SELECT audit_name(row.content -> 'name') AS name FROM resource_identity AS identity
    JOIN practitioner AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Practitioner')
      AND identity.id = entry.practitioner) AS staff ON TRUE
  LEFT JOIN client AS app ON app.id = entry.client
  WHERE entry.id = of_record
$$;

-- What is written as AuditEvents, and what is recorded: of one shape, so that one question asks both.
CREATE VIEW audit_event_shown AS
  SELECT patient_id, pk, id, version, last_updated, owner, author, tokens, content FROM audit_event
  UNION ALL
  SELECT patient_id, pk, ('access-' || -pk)::text COLLATE "C", 1, recorded, owner, 0, NULL::bigint[],
    audit_content(record, 'access-' || -pk, subjects, owner)
  FROM audit_shown;
