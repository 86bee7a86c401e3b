-- What a validation policy has refused, and what came from each data source.

-- An Observation with a document that was refused, as it was sent, for as long as somebody may mend what refused it.
-- pk: a number as an Observation's, by which the gate is asked about it. patient, source, organization: ids of the Patient, of the
-- source Device, and of the Organization that keeps the Patient's record; '' where there is none. sent: the body; face: what the laxest
-- policy makes of it; issues: why it was refused, with values. All three are gone once it is settled.
-- observation: what it became, by id; refusal: why it was refused when somebody last tried; settled_by: id of the Person who did.
-- rule, pointer, schema: the first of the reasons, without values. hash to grant_id: a copy of the row of the token that it last came
-- with, whose access is asked anew when it is tried again.
CREATE TABLE quarantined_document (
  id            uuid PRIMARY KEY,
  pk            bigint NOT NULL,
  patient       text COLLATE "C" NOT NULL,
  source        text COLLATE "C" NOT NULL,
  organization  text COLLATE "C" NOT NULL,
  digest        bytea NOT NULL,
  size          integer NOT NULL,
  sent          text,
  face          text,
  if_none_exist text,
  issues        text,
  rule          text NOT NULL,
  pointer       text NOT NULL,
  schema        text NOT NULL,
  first_at      timestamptz NOT NULL DEFAULT now(),
  last_at       timestamptz NOT NULL DEFAULT now(),
  times         integer NOT NULL,
  state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'removed')),
  tried_at      timestamptz,
  refusal       text,
  observation   text COLLATE "C",
  settled_by    text COLLATE "C",
  hash          bytea NOT NULL,
  kind          text NOT NULL,
  person_id     text,
  patient_id    text,
  client_id     text NOT NULL,
  scope         text NOT NULL,
  context       jsonb NOT NULL,
  grant_id      text,
  UNIQUE (patient, source, digest)
);
CREATE INDEX quarantined_document_source ON quarantined_document (source, last_at DESC, id);
CREATE INDEX quarantined_document_waiting ON quarantined_document (source, patient) INCLUDE (size) WHERE state = 'waiting';
CREATE INDEX quarantined_document_last ON quarantined_document (last_at);

-- Studies with which the patient shared its kind when it came.
CREATE TABLE quarantined_for (
  study_id text COLLATE "C" NOT NULL,
  id       uuid NOT NULL REFERENCES quarantined_document ON DELETE CASCADE,
  PRIMARY KEY (study_id, id)
);
CREATE INDEX quarantined_for_document ON quarantined_for (id);

-- What became of the Observations of an upload, for each source and each organization whose patients they are of.
CREATE TABLE ingest (
  source       text COLLATE "C" NOT NULL,
  upload       uuid NOT NULL,
  organization text COLLATE "C" NOT NULL,
  client       text NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  accepted     integer NOT NULL,
  repaired     integer NOT NULL,
  duplicate    integer NOT NULL,
  refused      integer NOT NULL,
  PRIMARY KEY (source, upload, organization)
);
CREATE INDEX ingest_at ON ingest (at);
