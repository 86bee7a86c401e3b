-- When the source of a document changed it last, as it was first stored. All keys of one Observation say the same.
ALTER TABLE upload_key ADD revised timestamptz;

-- The contents of documents that came in more than one, all of them: what was overtaken never comes back by being sent again.
-- A document that never changed has no rows here; its one content is that of its keys.
CREATE TABLE upload_revision (
  patient_id integer NOT NULL,
  pk         bigint NOT NULL,
  digest     bytea NOT NULL,
  revised    timestamptz,
  is_current boolean NOT NULL,
  PRIMARY KEY (patient_id, pk, digest)
);
