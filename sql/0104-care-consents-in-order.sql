-- Those who share with a clinician or an organization, in the orders in which they are listed: a page is read from an index, until it is full.

-- What a Patient is listed by, as far as an index takes it; null without a name.
CREATE FUNCTION patient_sort_name(content jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT left(fhir_fold(coalesce(content #>> '{name,0,family}', content #>> '{name,0,text}', content #>> '{name,0,given,0}')), 200)
$$;

-- All parts of a Patient's names, to be looked for; null without a name.
CREATE FUNCTION patient_names(content jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT fhir_fold(string_agg(part, ' ')) FROM jsonb_array_elements_text(
    jsonb_path_query_array(content, '$.name[*].given[*]') || jsonb_path_query_array(content, '$.name[*].family')
      || jsonb_path_query_array(content, '$.name[*].text')) AS part
$$;

-- A Consent to an Organization or a Practitioner that opens something, now or later. Derived from it, its permits and its Patient, whose name is shown
-- only to who may read the Patient: it then stands before what the Consent itself calls them.
CREATE TABLE care_consent (
  patient_id integer NOT NULL,
  consent_id text COLLATE "C" NOT NULL,
  grantee    integer NOT NULL,
  pk         bigint NOT NULL,
  -- Id of the Patient, and what is shown of it where there is no name.
  patient    text COLLATE "C" NOT NULL,
  code       text COLLATE "C" NOT NULL,
  since      timestamptz NOT NULL,
  until      timestamptz NOT NULL,
  called     text COLLATE natural_order,
  named      text COLLATE natural_order,
  names      text,
  PRIMARY KEY (patient_id, consent_id)
);

INSERT INTO care_consent
SELECT given.patient_id, given.consent_id, given.grantee, given.pk, named.patient, upper(right(replace(named.patient, '-', ''), 8)),
  coalesce(fhir_time_low(row.content -> 'dateTime'), '-infinity'), permit.until,
  left(fhir_fold(nullif(trim(row.content #>> '{patient,display}'), '')), 200), patient_sort_name(person.content), patient_names(person.content)
FROM consent_grantee AS given
JOIN grantee ON grantee.grantee = given.grantee AND grantee.kind IN ('organization', 'practitioner')
JOIN consent AS row ON row.patient_id = given.patient_id AND row.pk = given.pk
CROSS JOIN LATERAL (SELECT referenced_id(row.content -> 'patient', 'Patient') AS patient) AS named
CROSS JOIN LATERAL (
  SELECT max(valid_to) AS until FROM study_group_observation_consents AS one
  WHERE one.patient_id = given.patient_id AND one.consent_id = given.consent_id AND one.consented AND one.data_start < one.data_end) AS permit
LEFT JOIN patient AS person ON person.patient_id = given.patient_id AND person.id = named.patient
WHERE named.patient IS NOT NULL AND permit.until IS NOT NULL;

CREATE INDEX care_consent_since ON care_consent (grantee, since DESC, consent_id DESC);
CREATE INDEX care_consent_until ON care_consent (grantee, until, consent_id);
CREATE INDEX care_consent_called ON care_consent (grantee, called, consent_id) WHERE called IS NOT NULL;
CREATE INDEX care_consent_named ON care_consent (grantee, named, consent_id) WHERE named IS NOT NULL;
CREATE INDEX care_consent_code ON care_consent (grantee, code, consent_id) WHERE called IS NULL;
CREATE INDEX care_consent_consent ON care_consent (consent_id);
ANALYZE care_consent;
