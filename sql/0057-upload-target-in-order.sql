-- One Observation may have been changed by very many uploads: a page of them is read from the index in its order, the latest first.
CREATE INDEX upload_target_in_order ON upload_target (patient_id, observation, pk);
DROP INDEX upload_target_observation;
