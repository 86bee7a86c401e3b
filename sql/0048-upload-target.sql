-- The Observations that an upload has brought. Its Provenance (patient_id, pk) stores none of them, and is served with those that its reader may
-- read: what others it has can be asked by no search.
CREATE TABLE upload_target (
  patient_id  integer NOT NULL,
  pk          bigint NOT NULL,
  observation bigint NOT NULL,
  PRIMARY KEY (patient_id, pk, observation)
);
CREATE INDEX upload_target_observation ON upload_target (patient_id, observation);
