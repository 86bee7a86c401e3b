-- The texts that a study's people are given to sign, one row for each language of a version. No two are the same. The last
-- version is the one to sign now. sha1: as Attachment.hash has it; sha256: our own. withdrawal: what the text promises, hide, keep or erase.
CREATE TABLE study_text (
  study_id   text COLLATE "C" NOT NULL,
  version    text NOT NULL,
  position   integer NOT NULL,
  sha1       bytea NOT NULL,
  sha256     bytea NOT NULL,
  withdrawal text NOT NULL,
  PRIMARY KEY (study_id, sha1)
);

-- Which of them a Consent names, and what it promises.
ALTER TABLE consent_grantee
  ADD text_version text,
  ADD withdrawal   text NOT NULL DEFAULT 'hide';

-- stored_before: what was stored later is not covered, and nothing is uploaded by it; infinite while the Consent stands.
ALTER TABLE study_group_observation_consents ADD stored_before timestamptz NOT NULL DEFAULT 'infinity';
ALTER TABLE study_group_observation_consents ALTER stored_before DROP DEFAULT;
DROP INDEX study_group_observation_consents_patient, study_group_observation_consents_grantee;
CREATE INDEX study_group_observation_consents_patient ON study_group_observation_consents (patient_id, kind_id, device_id)
  INCLUDE (grantee, consented, valid_from, valid_to, data_start, data_end, stored_before, scope_action);
CREATE INDEX study_group_observation_consents_grantee ON study_group_observation_consents (grantee, kind_id, patient_id)
  INCLUDE (device_id, consented, valid_from, valid_to, data_start, data_end, stored_before, scope_action);

-- When the Observation was last written, as its own row has it: a consent may cover what was stored before its end only.
ALTER TABLE observation_code ADD last_updated timestamptz;
UPDATE observation_code SET last_updated = observation.last_updated
  FROM observation WHERE observation.patient_id = observation_code.patient_id AND observation.pk = observation_code.pk;
ALTER TABLE observation_code ALTER last_updated SET NOT NULL;
