-- Who has recorded a consent that was given on paper: somebody else confirms it.

-- consent_id, version: of the Consent as it was recorded; another version is not what was recorded. practitioner: who did it, by id.
CREATE TABLE paper_consent (
  consent_id   text COLLATE "C" NOT NULL,
  version      text NOT NULL,
  practitioner text COLLATE "C" NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consent_id, version)
);
