-- What was set aside before 0055 and 0071 is put back. Reindexing tells how long it lasts and how many samples it has; until then nobody but its patient
-- reads it.
WITH unknown AS (
  UPDATE observation_code SET unit_id = 0, is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
  WHERE unit_id = -1
  RETURNING patient_id, pk
)
UPDATE observation AS row SET is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
FROM unknown WHERE row.patient_id = unknown.patient_id AND row.pk = unknown.pk;
