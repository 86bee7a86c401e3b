-- Up to which seal, with which head, the key vouches for the seals of keys before it, which it cannot check. start: of the checkpoint from
-- which the chain began then; 0 where there was none. accepted: up to where whoever had the key took it as it stood; 0 where nobody did.
CREATE TABLE audit_attestation (
  key      text NOT NULL,
  seal     bigint NOT NULL,
  head     bytea NOT NULL,
  start    bigint NOT NULL,
  accepted bigint NOT NULL,
  made     timestamptz NOT NULL DEFAULT now(),
  mac      bytea PRIMARY KEY
);
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit_attestation FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit_attestation FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
DO $$
BEGIN
  EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_attestation FROM PUBLIC, CURRENT_USER';
END $$;

-- What somebody, or something, was called at a time: by the version that was in force, else the last before it was deleted, else, where clocks
-- differ, the first. As tables of one row PostgreSQL writes them into the statement that asks.
CREATE FUNCTION audit_practitioner(of_id text, at timestamptz) RETURNS TABLE (name text) STABLE LANGUAGE sql AS $$
  SELECT audit_name(coalesce(
    (SELECT row.content FROM practitioner AS row
      WHERE row.patient_id = identity.patient_id AND row.pk = identity.pk AND row.last_updated <= at),
    (SELECT past.content FROM practitioner_history AS past
      WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.last_updated <= at AND past.method <> 'DELETE'
      ORDER BY past.version DESC LIMIT 1),
    (SELECT past.content FROM practitioner_history AS past
      WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.method <> 'DELETE'
      ORDER BY past.version LIMIT 1),
    (SELECT row.content FROM practitioner AS row WHERE row.patient_id = identity.patient_id AND row.pk = identity.pk)) -> 'name')
  FROM resource_identity AS identity
  WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Practitioner') AND identity.id = of_id
$$;

CREATE FUNCTION audit_study(of_id text, at timestamptz) RETURNS TABLE (title text) STABLE LANGUAGE sql AS $$
  SELECT coalesce(
    (SELECT row.content FROM research_study AS row
      WHERE row.patient_id = identity.patient_id AND row.pk = identity.pk AND row.last_updated <= at),
    (SELECT past.content FROM research_study_history AS past
      WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.last_updated <= at AND past.method <> 'DELETE'
      ORDER BY past.version DESC LIMIT 1),
    (SELECT past.content FROM research_study_history AS past
      WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.method <> 'DELETE'
      ORDER BY past.version LIMIT 1),
    (SELECT row.content FROM research_study AS row WHERE row.patient_id = identity.patient_id AND row.pk = identity.pk)) ->> 'title'
  FROM resource_identity AS identity
  WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'ResearchStudy') AND identity.id = of_id
$$;

-- Of a Person who was deleted it is not known any more whether they were a patient, whom nobody else is told.
CREATE FUNCTION audit_person(of_id text, at timestamptz) RETURNS TABLE (name text) STABLE LANGUAGE sql AS $$
  SELECT audit_name(coalesce(
    CASE WHEN row.last_updated <= at THEN row.content END,
    (SELECT past.content FROM person_history AS past
      WHERE past.patient_id = row.patient_id AND past.pk = row.pk AND past.last_updated <= at AND past.method <> 'DELETE'
      ORDER BY past.version DESC LIMIT 1),
    row.content) -> 'name')
  FROM resource_identity AS identity
  JOIN person AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
  WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Person') AND identity.id = of_id
$$;

-- Names that clients had, up to when; not of those that registered themselves and were never given a token, for they have done nothing.
CREATE TABLE client_past (
  client text COLLATE "C" NOT NULL,
  name   text NOT NULL,
  ended  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX client_past_ended ON client_past (client, ended);
CREATE FUNCTION note_client_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO client_past (client, name) VALUES (OLD.id, OLD.name);
  RETURN NULL;
END
$$;
CREATE TRIGGER note_name AFTER UPDATE OF name ON client FOR EACH ROW
  WHEN (OLD.name <> NEW.name AND (OLD.token_at IS NOT NULL OR NOT OLD.self_registered)) EXECUTE FUNCTION note_client_name();
CREATE TRIGGER note_end AFTER DELETE ON client FOR EACH ROW
  WHEN (OLD.token_at IS NOT NULL OR NOT OLD.self_registered) EXECUTE FUNCTION note_client_name();

CREATE FUNCTION audit_client(of_id text, at timestamptz) RETURNS TABLE (name text) STABLE LANGUAGE sql AS $$
  SELECT coalesce(
    (SELECT past.name FROM client_past AS past WHERE past.client = of_id AND past.ended > at ORDER BY past.ended LIMIT 1),
    (SELECT client.name FROM client WHERE client.id = of_id))
$$;

-- https://profiles.ihe.net/ITI/BALP: who reads it is told of staff and clients by name, and of no patient but those whom it names. FHIR
-- lets no Person be an agent: an account that is neither staff nor a patient is an identifier. Where no subjects and no owner are given it is for administrators.
-- All bear the names that they had then: who renames or deletes somebody changes nothing of what they did.
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
  LEFT JOIN LATERAL audit_practitioner(entry.practitioner, entry.recorded) AS staff ON TRUE
  CROSS JOIN LATERAL (SELECT jsonb_build_object('identifier', jsonb_build_object('system', 'https://sharewell.dev/fhir/account', 'value', entry.person)) AS account_identifier) AS acting
  CROSS JOIN LATERAL (SELECT told IS NULL AND subjects = '{}' AND entry.patients = '{}' AS is_of_installation) AS shown
  LEFT JOIN LATERAL audit_person(CASE WHEN entry.practitioner IS NULL THEN entry.person END, entry.recorded) AS account ON TRUE
  LEFT JOIN LATERAL audit_client(entry.client, entry.recorded) AS app ON TRUE
  WHERE entry.id = of_record
$$;

-- Where somebody had a role of which nothing is left; a role that was changed is here as well, for as long as it is none.
CREATE TABLE membership_past (
  practitioner text COLLATE "C" NOT NULL,
  organization text COLLATE "C" NOT NULL,
  ended        timestamptz NOT NULL,
  PRIMARY KEY (practitioner, organization)
);
CREATE FUNCTION note_past_membership() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO membership_past (practitioner, organization, ended)
  VALUES (OLD.practitioner, OLD.organization, least(OLD.period_end, now()))
  ON CONFLICT (practitioner, organization) DO UPDATE SET ended = greatest(membership_past.ended, excluded.ended);
  RETURN NULL;
END
$$;
CREATE TRIGGER note_past AFTER DELETE ON membership FOR EACH ROW EXECUTE FUNCTION note_past_membership();

-- What ended up to now.
INSERT INTO membership_past (practitioner, organization, ended)
SELECT practitioner, organization, max(last_updated)
FROM (
  SELECT referenced_id(content -> 'practitioner', 'Practitioner') AS practitioner,
    referenced_id(content -> 'organization', 'Organization') AS organization, last_updated
  FROM (
    SELECT content, last_updated FROM practitioner_role
    UNION ALL SELECT content, last_updated FROM practitioner_role_history WHERE method <> 'DELETE') AS version
  WHERE content @? '$.code[*].coding[*] ? (@.system == "https://sharewell.dev/fhir/CodeSystem/organization-role"
    && (@.code == "viewer" || @.code == "member" || @.code == "manager"))') AS held
WHERE practitioner IS NOT NULL AND organization IS NOT NULL
GROUP BY practitioner, organization;

-- Whose privacy officers are told: of staff, those of the study to which their token is narrowed, else of who registered the one patient,
-- else of the client, else of where they have the highest role. Whoever has none any more is overseen where they had one last, or are
-- registered: not in when they sign in, which may be as a patient, nor in what they do as an administrator. What somebody does as a patient is
-- nobody's to oversee.
CREATE OR REPLACE FUNCTION audit_owner(entry audit_record) RETURNS TABLE (owner text) STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN entry.patient IS NULL THEN coalesce(
    (SELECT study.organization FROM study WHERE study.id = entry.study),
    (SELECT min(patient.owner) FROM patient
      WHERE entry.practitioner IS NOT NULL AND cardinality(entry.patients) = 1 AND patient.patient_id = entry.patients[1]
      HAVING count(*) = 1),
    (SELECT client.organization FROM client WHERE client.id = entry.client),
    (SELECT membership.organization FROM membership
      WHERE membership.practitioner = coalesce(entry.practitioner,
        (SELECT practitioner FROM person_practitioner AS staff WHERE staff.person = entry.person))
        AND now() >= membership.period_start AND now() < membership.period_end
      ORDER BY membership.rank DESC, membership.organization LIMIT 1),
    CASE WHEN entry.practitioner IS NOT NULL AND entry.interaction <> 'sign-in' AND NOT EXISTS (
        SELECT FROM user_account AS account WHERE account.person = entry.person AND account.administrator)
      THEN coalesce(
        (SELECT officer.organization FROM privacy_officer AS officer
          WHERE officer.practitioner = entry.practitioner AND now() >= officer.period_start AND now() < officer.period_end
          ORDER BY officer.organization LIMIT 1),
        (SELECT past.organization
          FROM (
            SELECT organization, period_end AS ended FROM membership
            WHERE membership.practitioner = entry.practitioner AND membership.period_end <= now()
            UNION ALL
            SELECT organization, ended FROM membership_past
            WHERE membership_past.practitioner = entry.practitioner) AS past
          JOIN organization_node AS node ON node.id = past.organization
          ORDER BY past.ended DESC, past.organization LIMIT 1),
        (SELECT row.owner FROM resource_identity AS identity
          JOIN practitioner AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
          WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Practitioner')
            AND identity.id = entry.practitioner)) END) END
$$;
