-- What is shown of the record obeys the profiles of IHE BALP that it claims (https://profiles.ihe.net/ITI/BALP, 1.1.3):
-- - what failed claims none, nor does a Bundle's writing, for which no single resource can be named;
-- - who sends and who receives is said as each profile has it;
-- - there is one System Object, which a profile tells from all others by its type alone: the query of a search, or else the resource;
-- - the network address of client and server has to be there, and is not recorded.

CREATE FUNCTION audit_resource_type(type text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
  SELECT jsonb_build_object('system', 'http://hl7.org/fhir/resource-types', 'code', type)
$$;

-- The type of the entity that says which types of resources it was about.
CREATE FUNCTION audit_data_type(entry audit_record) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN entry.interaction = 'search-type' AND entry.type NOT LIKE '% %' THEN audit_resource_type(entry.type) ELSE audit_entity_type('2') END
$$;

CREATE FUNCTION audit_agent_type(interaction text, agent text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
  SELECT jsonb_build_object('coding', jsonb_build_array(CASE
    WHEN agent = 'user' AND interaction IN ('create', 'update', 'patch', 'delete') THEN jsonb_build_object(
      'system', 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'code', 'AUT', 'display', 'author (originator)')
    WHEN agent = 'user' THEN jsonb_build_object(
      'system', 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'code', 'IRCP', 'display', 'information recipient')
    WHEN agent = 'client' AND interaction = 'delete' THEN jsonb_build_object(
      'system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110150', 'display', 'Application')
    WHEN agent = 'server' AND interaction = 'delete' THEN jsonb_build_object(
      'system', 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'code', 'custodian', 'display', 'Custodian')
    WHEN (agent = 'client') = (interaction IN ('read', 'vread')) THEN jsonb_build_object(
      'system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110152', 'display', 'Destination Role ID')
    ELSE jsonb_build_object(
      'system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', '110153', 'display', 'Source Role ID') END))
$$;

-- Whether the resource is shown by its reference.
CREATE FUNCTION audit_is_named(entry audit_record, subjects text[], is_of_installation boolean) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
  SELECT coalesce(entry.resource IS NOT NULL AND entry.type NOT LIKE '% %' AND (entry.type <> 'Patient' OR entry.resource = ANY(subjects))
    AND NOT (is_of_installation AND NOT audit_is_ruled(ARRAY[entry.type])), FALSE)
$$;

-- The end of the name of the profile that is obeyed; NULL if none is.
CREATE FUNCTION audit_profile(entry audit_record, subjects text[], is_named boolean) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN entry.outcome < 400 AND CASE WHEN entry.interaction = 'search-type' THEN entry.query IS NOT NULL ELSE is_named END
    THEN CASE WHEN cardinality(subjects) = 1 THEN 'Patient' ELSE '' END || CASE entry.interaction
      WHEN 'search-type' THEN 'Query' WHEN 'read' THEN 'Read' WHEN 'vread' THEN 'Read' WHEN 'create' THEN 'Create'
      WHEN 'update' THEN 'Update' WHEN 'patch' THEN 'Update' WHEN 'delete' THEN 'Delete' END END
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
      'profile', CASE WHEN profile IS NOT NULL
        THEN jsonb_build_array('https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.' || profile) END),
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
          'type', audit_agent_type(entry.interaction, 'user'), 'who', jsonb_build_object('reference', 'Practitioner/' || entry.practitioner, 'type', 'Practitioner'))
        WHEN entry.patient = ANY(subjects) THEN jsonb_build_object('requestor', true, 'type', audit_agent_type(entry.interaction, 'user'),
          'who', jsonb_build_object('reference', 'Patient/' || entry.patient, 'type', 'Patient'))
        WHEN entry.person IS NOT NULL AND (is_of_installation OR (
            entry.patient IS NULL AND NOT EXISTS (SELECT FROM person_patient AS linked WHERE linked.person = entry.person)))
          THEN jsonb_build_object('name', account.name, 'requestor', true, 'type', audit_agent_type(entry.interaction, 'user'),
            'who', account_identifier)
        WHEN entry.person IS NOT NULL AND entry.interaction = 'sign-in' THEN jsonb_build_object('requestor', true, 'type', audit_agent_type(entry.interaction, 'user'),
          'who', account_identifier)
        WHEN entry.person IS NOT NULL OR entry.patient IS NOT NULL THEN jsonb_build_object('requestor', true, 'type', audit_agent_type(entry.interaction, 'user'),
          'name', 'Somebody else, who is no staff',
          'who', jsonb_build_object('display', 'Somebody else, who is no staff')) END),
      (2, jsonb_build_object('requestor', entry.practitioner IS NULL AND entry.patient IS NULL AND entry.person IS NULL, 'name', app.name,
        'type', audit_agent_type(entry.interaction, 'client'), 'network', network,
        'who', jsonb_build_object('identifier', jsonb_build_object('value', entry.client)))),
      (3, jsonb_build_object('requestor', false, 'type', audit_agent_type(entry.interaction, 'server'), 'network', network,
        'who', jsonb_build_object('display', 'Sharewell')))
      ) AS agents(place, agent) WHERE agent IS NOT NULL),
    'source', jsonb_build_object('observer', jsonb_build_object('display', 'Sharewell')),
    'entity', (SELECT jsonb_agg(entity ORDER BY place) FROM (
      SELECT 1 AS place, jsonb_build_object('type', audit_entity_type('1'), 'role', audit_entity_role('1'),
        'what', jsonb_build_object('reference', 'Patient/' || subject)) AS entity FROM unnest(subjects) AS subject
      UNION ALL
      SELECT 2, jsonb_build_object('type', audit_resource_type('ResearchStudy'), 'role', audit_entity_role('20'), 'name', studied.title,
        'what', jsonb_build_object('reference', studied.reference)) FROM studied
      UNION ALL
      SELECT 3, jsonb_build_object('type', audit_data_type(entry), 'role', audit_entity_role('4'), 'description', entry.type,
        'what', CASE WHEN is_named THEN jsonb_build_object('reference', entry.type || '/' || entry.resource) END,
        'detail', (SELECT jsonb_agg(jsonb_build_object('type', 'kind', 'valueString', kind.key) ORDER BY kind.key)
          FROM kind WHERE kind.kind_id = ANY((SELECT audit_kinds_shown(entry, subjects, told))::integer[]))) WHERE entry.type IS NOT NULL
      UNION ALL
      SELECT 4, jsonb_build_object('type', audit_resource_type('Consent'),
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
  CROSS JOIN LATERAL (SELECT to_char(entry.recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS instant) AS at
  LEFT JOIN LATERAL audit_practitioner(entry.practitioner, entry.recorded) AS staff ON TRUE
  CROSS JOIN LATERAL (SELECT jsonb_build_object('identifier', jsonb_build_object('system', 'https://sharewell.dev/fhir/account', 'value', entry.person)) AS account_identifier) AS acting
  CROSS JOIN LATERAL (SELECT told IS NULL AND subjects = '{}' AND entry.patients = '{}' AS is_of_installation) AS shown
  CROSS JOIN LATERAL (SELECT audit_is_named(entry, subjects, is_of_installation) AS is_named) AS named
  CROSS JOIN LATERAL (SELECT audit_profile(entry, subjects, is_named) AS profile) AS claimed
  CROSS JOIN LATERAL (SELECT CASE WHEN profile IS NOT NULL THEN jsonb_build_object('extension', jsonb_build_array(jsonb_build_object(
    'url', 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', 'valueCode', 'unsupported'))) END AS network) AS absent
  LEFT JOIN LATERAL audit_person(CASE WHEN entry.practitioner IS NULL THEN entry.person END, entry.recorded) AS account ON TRUE
  LEFT JOIN LATERAL audit_client(entry.client, entry.recorded) AS app ON TRUE
  WHERE entry.id = of_record
$$;
