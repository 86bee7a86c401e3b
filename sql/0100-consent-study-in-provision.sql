-- The study that a Consent is given to is named in its provision, where HL7 defines the extension, and was named beside it before:
-- https://hl7.org/fhir/extensions/StructureDefinition-consent-ResearchStudyContext.html. Both places are read (docs/adr/037-study-in-the-provision.md).

-- NULL if it names none, several in one place, or different ones. `studyNamed` in src/access says the same.
CREATE OR REPLACE FUNCTION consent_study(content jsonb) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  within jsonb := jsonb_path_query_array(content,
    '$.provision.extension[*] ? (@.url == "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext")');
  outside jsonb := jsonb_path_query_array(content,
    '$.extension[*] ? (@.url == "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext")');
  study text := referenced_id(coalesce(within -> 0, outside -> 0) -> 'valueReference', 'ResearchStudy');
BEGIN
  IF jsonb_array_length(within) > 1 OR jsonb_array_length(outside) > 1 THEN RETURN NULL; END IF;
  IF jsonb_array_length(within) = 1 AND jsonb_array_length(outside) = 1
    AND referenced_id(outside -> 0 -> 'valueReference', 'ResearchStudy') IS DISTINCT FROM study THEN RETURN NULL; END IF;
  RETURN study;
END
$$;

-- Versions of Consents that named a study in the provision alone when that was not read. They gave nothing, and nobody held against them what the study
-- asks: they give nothing now either, until the patient writes the next version.
CREATE TABLE unread_consent (
  consent_id text COLLATE "C" NOT NULL,
  version    integer NOT NULL,
  PRIMARY KEY (consent_id, version)
);
INSERT INTO unread_consent (consent_id, version)
SELECT content ->> 'id', version
FROM (SELECT version, content FROM consent UNION ALL SELECT version, content FROM consent_history) AS stored
WHERE content @? '$.provision.extension[*] ? (@.url == "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext")'
  AND NOT content @? '$.extension[*] ? (@.url == "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext")';

-- What was given by a Consent that named another study in its provision is given to neither.
CREATE TEMPORARY TABLE contradicting ON COMMIT DROP AS
SELECT given.patient_id, given.consent_id
FROM consent_grantee AS given
JOIN grantee ON grantee.grantee = given.grantee AND grantee.kind = 'study'
JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
WHERE consent_study(consent.content) IS DISTINCT FROM grantee.id;
DELETE FROM study_group_observation_consents WHERE (patient_id, consent_id) IN (SELECT patient_id, consent_id FROM contradicting);
DELETE FROM consent_grantee WHERE (patient_id, consent_id) IN (SELECT patient_id, consent_id FROM contradicting);
