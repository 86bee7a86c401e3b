-- A Period ends at the moment that its end names: for a search it goes on for as long as that is exact (a second, a millisecond), but for a consent
-- nothing of it lies after that moment. lasts_until says so also of an Observation that is not joint, and every test of a consent reads it.
UPDATE observation SET lasts_until = fhir_low(content #>> '{effectivePeriod,end}')
WHERE content #>> '{effectivePeriod,end}' LIKE '%T%' AND lasts_until IS NULL AND isfinite(effective_end)
  -- What is finer than a microsecond is rounded here, and cut off where it is written: it is told by reindexing, and until then less is shared.
  AND content #>> '{effectivePeriod,end}' !~ '\.\d{7}' AND effective_start < fhir_low(content #>> '{effectivePeriod,end}');

UPDATE observation_code AS code SET lasts_until = row.lasts_until
FROM observation AS row
WHERE code.patient_id = row.patient_id AND code.pk = row.pk
  AND row.lasts_until IS NOT NULL AND code.lasts_until IS DISTINCT FROM row.lasts_until;

-- The first moment after all that was measured, of a resource of another type; NULL where it does not say it.
CREATE FUNCTION fhir_time_until(value jsonb) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT CASE
    WHEN value ->> 'end' LIKE '%T%' AND fhir_low(value ->> 'end') > coalesce(fhir_low(value ->> 'start'), '-infinity')
    THEN fhir_low(value ->> 'end')
    ELSE fhir_time_high(value)
  END
$$;
