-- An Observation that has data of other types in it, such as a Condition, is covered by no consent for its kind. Of what is here already reindexing tells
-- which these are; until then nobody but its patient reads what contains more than Observations, devices and who or what was examined.
WITH unknown AS (
  UPDATE observation AS row SET is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
  WHERE row.content ? 'contained' AND EXISTS (
    SELECT FROM jsonb_array_elements(row.content -> 'contained') AS one
    WHERE one ->> 'resourceType' NOT IN ('BodyStructure', 'Device', 'Location', 'Observation', 'Organization', 'Patient', 'Practitioner',
      'PractitionerRole', 'RelatedPerson', 'Specimen'))
  RETURNING row.patient_id, row.pk
)
UPDATE observation_code AS code SET is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
FROM unknown WHERE code.patient_id = unknown.patient_id AND code.pk = unknown.pk;
