-- How what is recorded is shown, as AuditEvents: to the patient concerned with nobody else in it, and whole to the privacy officers of the
-- owner. A record of one patient has a row for both; one of several has a row for each of them, and with patient_id 0 the whole.
-- pk: below zero, and so no other resource's. subjects: ids of the Patients who are named in it.
CREATE TABLE audit_shown (
  patient_id integer NOT NULL,
  pk         bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY -1),
  record     bigint NOT NULL,
  recorded   timestamptz NOT NULL,
  owner      text COLLATE "C",
  subjects   text[] NOT NULL,
  PRIMARY KEY (patient_id, pk)
);
CREATE INDEX audit_shown_pk ON audit_shown (pk);
CREATE INDEX audit_shown_patient ON audit_shown (patient_id, recorded DESC, pk DESC);
CREATE INDEX audit_shown_recorded ON audit_shown (recorded DESC, pk DESC);

-- Whose privacy officers are told: of staff, those of the study to which their token is narrowed, else of who registered the one patient,
-- else of the client, else of where they have the highest role. What somebody does as a patient is nobody's to oversee.
CREATE FUNCTION audit_owner(entry audit_record) RETURNS text STABLE LANGUAGE sql AS $$
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
      ORDER BY membership.rank DESC, membership.organization LIMIT 1)) END
$$;

-- Of a human who is registered in several tenants only those records that stand in the owner's, or take part in a study of it.
CREATE FUNCTION audit_subjects(patients integer[], told text) RETURNS text[] STABLE LANGUAGE sql AS $$
  SELECT coalesce(array_agg(compartment.id ORDER BY compartment.id), '{}')
  FROM patient_compartment AS compartment
  WHERE compartment.patient_id = ANY(patients) AND (told IS NULL OR EXISTS (
    SELECT FROM organization_node AS mine, organization_node AS other
    WHERE mine.id = told AND other.tenant = mine.tenant AND (
      other.id = (SELECT owner FROM patient WHERE patient.patient_id = compartment.patient_id AND patient.id = compartment.id)
      OR other.id IN (SELECT study.organization FROM enrolment JOIN study ON study.id = enrolment.study_id
        WHERE enrolment.patient_id = compartment.patient_id AND enrolment.patient = compartment.id))))
$$;

CREATE FUNCTION show_audit(records bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH told AS MATERIALIZED (
    SELECT entry.id, entry.recorded, entry.patients, audit_owner(entry) AS owner
    FROM audit_record AS entry WHERE entry.id = ANY(records)
  ),
  whole AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT CASE cardinality(patients) WHEN 1 THEN patients[1] ELSE 0 END, id, recorded, owner, audit_subjects(patients, owner)
    FROM told WHERE owner IS NOT NULL OR cardinality(patients) = 1 ORDER BY id
    RETURNING patient_id, pk, record
  ),
  parts AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT DISTINCT patient, id, recorded, NULL, audit_subjects(ARRAY[patient], NULL)
    FROM told, unnest(patients) AS patient WHERE cardinality(patients) > 1
  )
  INSERT INTO compartment (patient_id, pk)
  SELECT DISTINCT patient, whole.pk FROM whole JOIN told ON told.id = whole.record, unnest(told.patients) AS patient
  WHERE whole.patient_id = 0
$$;

CREATE FUNCTION audit_name(name jsonb) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT coalesce(name #>> '{0,text}',
    nullif(concat_ws(' ', (SELECT string_agg(given, ' ') FROM jsonb_array_elements_text(name #> '{0,given}') AS given), name #>> '{0,family}'), ''))
$$;

CREATE FUNCTION audit_entity_type(code text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
  SELECT jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/audit-entity-type', 'code', code)
$$;
CREATE FUNCTION audit_entity_role(code text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
  SELECT jsonb_build_object('system', 'http://terminology.hl7.org/CodeSystem/object-role', 'code', code)
$$;

-- https://profiles.ihe.net/ITI/BALP: who reads it is told of staff and clients by name, and of no patient but those whom it names.
CREATE FUNCTION audit_content(of_record bigint, of_id text, subjects text[]) RETURNS jsonb STABLE LANGUAGE sql AS $$
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
        'what', jsonb_build_object('reference', 'ResearchStudy/' || entry.study)) WHERE entry.study IS NOT NULL
      UNION ALL
      SELECT 3, jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('4'), 'description', entry.type,
        'what', CASE WHEN entry.resource IS NOT NULL AND entry.type NOT LIKE '% %' AND (
            entry.type <> 'Patient' OR entry.resource = ANY(subjects))
          THEN jsonb_build_object('reference', entry.type || '/' || entry.resource) END,
        'detail', (SELECT jsonb_agg(jsonb_build_object('type', 'kind', 'valueString', kind.key) ORDER BY kind.key)
          FROM kind WHERE kind.kind_id = ANY(entry.kinds))) WHERE entry.type IS NOT NULL
      UNION ALL
      SELECT 4, jsonb_build_object('type', audit_entity_type('2'), 'role', audit_entity_role('24'),
        'query', translate(encode(convert_to(concat_ws('?', entry.type, entry.query), 'UTF8'), 'base64'), E'\n', ''))
        WHERE entry.query IS NOT NULL
      UNION ALL
      SELECT 5, jsonb_build_object('type', jsonb_build_object('system', 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
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
  LEFT JOIN LATERAL (SELECT row.content ->> 'title' AS title FROM resource_identity AS identity
    JOIN research_study AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE resource_type.name = 'ResearchStudy')
      AND identity.id = entry.study) AS studied ON TRUE
  LEFT JOIN client AS app ON app.id = entry.client
  WHERE entry.id = of_record
$$;

-- What is written as AuditEvents, and what is recorded: of one shape, so that one question asks both.
CREATE VIEW audit_event_shown AS
  SELECT patient_id, pk, id, version, last_updated, owner, author, tokens, content FROM audit_event
  UNION ALL
  SELECT patient_id, pk, ('access-' || -pk)::text COLLATE "C", 1, recorded, owner, 0, NULL::bigint[],
    audit_content(record, 'access-' || -pk, subjects)
  FROM audit_shown;

-- What has been recorded up to now.
SELECT show_audit(coalesce((SELECT array_agg(ids) FROM (SELECT unnest(ids) AS ids FROM audit_seal) AS sealed), '{}'));
