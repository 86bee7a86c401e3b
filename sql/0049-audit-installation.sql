-- What administrators of the installation are shown of who did what: what concerns no patient, and no data of one.

-- Staff, and administrators: who else has an account is a patient, or may become one.
CREATE FUNCTION works_here(of_person text) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM person_practitioner AS staff WHERE staff.person = of_person)
    OR EXISTS (SELECT FROM user_account AS account WHERE account.person = of_person AND account.administrator)
$$;

-- Types that say who works here and how FHIR is spoken, and nothing of any patient.
CREATE FUNCTION audit_is_ruled(types text[]) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
  SELECT types <@ ARRAY['Organization', 'Practitioner', 'PractitionerRole', 'Person', 'CapabilityStatement', 'CodeSystem',
    'CompartmentDefinition', 'ConceptMap', 'DeviceDefinition', 'GraphDefinition', 'ImplementationGuide', 'MessageDefinition',
    'NamingSystem', 'OperationDefinition', 'SearchParameter', 'StructureDefinition', 'StructureMap', 'TerminologyCapabilities', 'ValueSet']
$$;

-- Of what is written as AuditEvents: what this server wrote of accounts, apps, keys, roles and the configuration, with nobody named
-- in it who is a patient, or may become one.
CREATE FUNCTION audit_is_of_installation(content jsonb) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT content @? '$.subtype[*] ? (@.system == "http://dicom.nema.org/resources/ontology/DCM" && (@.code == "110129" || @.code == "110137"))'
    AND content #>> '{source,observer,display}'
      IN ('Pages of this server', 'Command line of this server', 'Sign-in', 'Authorization server')
    AND NOT content @? '$.**.reference ? (!(@ starts with "Person/" || @ starts with "Practitioner/" || @ starts with "PractitionerRole/"
      || @ starts with "Organization/" || @ starts with "Device/"))'
    AND NOT content @? '$.**.type ? (@ == "Patient" || @ == "Person")'
    AND NOT EXISTS (
      SELECT FROM (
        SELECT substr(reference #>> '{}', 8) FROM jsonb_path_query(content, '$.**.reference ? (@ starts with "Person/")') AS reference
        UNION ALL
        SELECT value #>> '{}' FROM jsonb_path_query(content,
          '$.**.identifier ? (@.system == "https://sharewell.dev/fhir/account").value') AS value) AS named(person)
      WHERE NOT works_here(named.person))
$$;

-- https://profiles.ihe.net/ITI/BALP: who reads it is told of staff and clients by name, and of no patient but those whom it names. FHIR
-- lets no Person be an agent: an account that is neither staff nor a patient is an identifier. Where no subjects and no owner are given it is for administrators.
CREATE OR REPLACE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb STABLE LANGUAGE sql AS $$
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
  LEFT JOIN LATERAL (SELECT audit_name(row.content -> 'name') AS name FROM resource_identity AS identity
    JOIN practitioner AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Practitioner')
      AND identity.id = entry.practitioner) AS staff ON TRUE
  CROSS JOIN LATERAL (SELECT jsonb_build_object('identifier', jsonb_build_object('system', 'https://sharewell.dev/fhir/account', 'value', entry.person)) AS account_identifier) AS acting
  CROSS JOIN LATERAL (SELECT told IS NULL AND subjects = '{}' AND entry.patients = '{}' AS is_of_installation) AS shown
  LEFT JOIN LATERAL (SELECT audit_name(row.content -> 'name') AS name FROM resource_identity AS identity
    JOIN person AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'Person')
      AND identity.id = entry.person AND entry.practitioner IS NULL) AS account ON TRUE
  LEFT JOIN client AS app ON app.id = entry.client
  WHERE entry.id = of_record
$$;

-- Numbered apart, so that no gap tells how much else was recorded; and below all that audit_shown has, each number up to 2^52. They are few,
-- and looked through by name and kind: so they are kept as they are told.
CREATE TABLE audit_installation (
  pk       bigint GENERATED ALWAYS AS IDENTITY (START WITH -4503599627370497 INCREMENT BY -1) PRIMARY KEY,
  record   bigint NOT NULL,
  recorded timestamptz NOT NULL,
  content  jsonb NOT NULL
);
CREATE INDEX audit_installation_recorded ON audit_installation (recorded DESC, pk DESC);

-- Sign-ins of those who work here; what they wrote of such types, and of sources of data; what they were refused there, and what
-- administrators may not do at all. Of an address that nobody has nothing is told: else who is a patient would be what is missing.
CREATE FUNCTION show_installation(records bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH told AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('audit_installation', 'pk')) AS pk, id, recorded FROM (
      SELECT entry.id, entry.recorded FROM audit_record AS entry
      WHERE entry.id = ANY(records) AND entry.patients = '{}' AND entry.patient IS NULL AND entry.study IS NULL
        AND (entry.person IS NULL OR works_here(entry.person))
        AND (entry.type IS DISTINCT FROM 'Person' OR entry.resource IS NULL OR works_here(entry.resource))
        AND CASE
          WHEN entry.interaction = 'sign-in' THEN entry.person IS NOT NULL
          WHEN entry.outcome < 400 THEN entry.interaction IN ('create', 'update', 'patch', 'delete', 'transaction')
            AND audit_is_ruled(array_remove(string_to_array(entry.type, ' '), 'Device'))
          ELSE audit_is_ruled(coalesce(string_to_array(entry.type, ' '), '{}')) OR (entry.outcome = 403 AND EXISTS (
            SELECT FROM user_account AS account WHERE account.person = entry.person AND account.administrator))
        END
      ORDER BY entry.id) AS entry
  )
  INSERT INTO audit_installation (pk, record, recorded, content) OVERRIDING SYSTEM VALUE
  SELECT pk, id, recorded, audit_content(id, 'installation-' || -pk - 4503599627370496, '{}', NULL) FROM told
$$;

CREATE OR REPLACE VIEW audit_event_shown AS
  SELECT patient_id, pk, id, version, last_updated, owner, author, tokens, content FROM audit_event
  UNION ALL
  SELECT patient_id, pk, ('access-' || -pk)::text COLLATE "C", 1, recorded, owner, 0, NULL::bigint[],
    audit_content(record, 'access-' || -pk, subjects, owner)
  FROM audit_shown
  UNION ALL
  SELECT 0, pk, ('installation-' || -pk - 4503599627370496)::text COLLATE "C", 1, recorded, NULL::text COLLATE "C", 0, NULL::bigint[], content
  FROM audit_installation;

-- What has been recorded up to now.
SELECT show_installation(coalesce((SELECT array_agg(ids) FROM (SELECT unnest(ids) AS ids FROM audit_seal) AS sealed), '{}'));

-- When the whole chain was computed anew for the last time, and what came of it.
CREATE TABLE audit_verification (
  verified timestamptz PRIMARY KEY DEFAULT now(),
  is_whole boolean NOT NULL
);
