-- 0108 took the end of a Period for that of samples and of other Observations in it, one of which may be in the second that this end means: of a whole
-- hour in 61 samples, the last is of the next day. They last as long as before until they are reindexed; until then less is shared.
WITH longer AS (
  UPDATE observation SET lasts_until = NULL
  WHERE lasts_until < effective_end AND (
    content @? '$.**.valueSampledData'
    OR content @? '$.contained[*].keyvalue().key ? (@ starts with "effective" || @ starts with "_effective")')
  RETURNING patient_id, pk
)
UPDATE observation_code AS code SET lasts_until = NULL
FROM longer WHERE code.patient_id = longer.patient_id AND code.pk = longer.pk;
