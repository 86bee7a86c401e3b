-- What the list of a study's people reads of each Consent, place and Patient stands beside them: reading it from the resources took most of the time.

-- Folded, without punctuation and blanks: whatever a search for a part of a text finds, in one of these ways or another, has its letters here.
CREATE FUNCTION fhir_letters(value text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT replace(fhir_unpunctuated(fhir_fold(value), ''), ' ', '')
$$;

-- The letters of all of a Patient's names and identifiers, or of a place's identifiers; null without any.
CREATE FUNCTION person_letters(content jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT fhir_letters(string_agg(part, chr(10))) FROM jsonb_array_elements_text(
    jsonb_path_query_array(content, '$.name[*].family') || jsonb_path_query_array(content, '$.name[*].given[*]')
      || jsonb_path_query_array(content, '$.name[*].text') || jsonb_path_query_array(content, '$.identifier[*].value')) AS part
$$;

-- The code by which a place is listed, as far as it counts.
CREATE FUNCTION place_code(content jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT left(fhir_fold(content #>> '{identifier,0,value}'), 200)
$$;

-- Whether a Consent says where the scan of what was signed on paper is.
CREATE FUNCTION is_on_paper(content jsonb) RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT coalesce(content -> 'extension' @> '[{"url": "https://sharewell.dev/fhir/StructureDefinition/paper-scan"}]', FALSE)
$$;

-- pk, code and codes: of the place. named and names: of the Patient, for those who may read it.
ALTER TABLE enrolment
  ADD COLUMN pk    bigint,
  ADD COLUMN named text COLLATE natural_order,
  ADD COLUMN names text,
  ADD COLUMN code  text COLLATE natural_order,
  ADD COLUMN codes text;
UPDATE enrolment SET pk = row.pk, code = place_code(row.content), codes = person_letters(row.content)
FROM research_subject AS row WHERE row.patient_id = enrolment.patient_id AND row.id = enrolment.id;
ALTER TABLE enrolment ALTER COLUMN pk SET NOT NULL;
UPDATE enrolment SET named = patient_sort_name(row.content), names = person_letters(row.content)
FROM patient AS row WHERE row.patient_id = enrolment.patient_id AND row.id = enrolment.patient;

-- Of the Consent: answered is when it was changed last.
ALTER TABLE consent_grantee
  ADD COLUMN status   text,
  ADD COLUMN signed   text,
  ADD COLUMN paper    boolean,
  ADD COLUMN answered timestamptz;
UPDATE consent_grantee AS given SET status = row.content ->> 'status', signed = row.content ->> 'dateTime', paper = is_on_paper(row.content),
  answered = row.last_updated
FROM consent AS row WHERE row.patient_id = given.patient_id AND row.pk = given.pk;
ALTER TABLE consent_grantee ALTER COLUMN status SET NOT NULL, ALTER COLUMN paper SET NOT NULL, ALTER COLUMN answered SET NOT NULL;

-- Who has deleted a Consent is looked for among all who have not answered.
CREATE INDEX consent_history_deleted ON consent_history (patient_id) WHERE method = 'DELETE';

ANALYZE enrolment, consent_grantee;
