-- When all was measured that an Observation tells, where its effective time says less: samples go on after the moment with which they begin, a Timing
-- may be repeated without end. Consents cover it only if they cover all of that: is_joint says that there is more to ask, as in 0053.
ALTER TABLE observation ADD lasts_from timestamptz, ADD lasts_until timestamptz;
ALTER TABLE observation_code ADD lasts_from timestamptz, ADD lasts_until timestamptz;

CREATE OR REPLACE FUNCTION sources_covered(grantees integer[], action text, of_patient integer, own bigint[]) RETURNS boolean
STABLE PARALLEL SAFE COST 2000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN NOT EXISTS (
    WITH RECURSIVE sources(pk) AS (
      SELECT unnest(own)
      UNION
      SELECT derived_from.source_pk FROM sources
      JOIN derived_from ON derived_from.patient_id = of_patient AND derived_from.pk = sources.pk
    )
    SELECT FROM sources
    LEFT JOIN observation AS source ON source.patient_id = of_patient AND source.pk = sources.pk
    WHERE source.pk IS NULL OR NOT kinds_covered(grantees, action, of_patient, source.kind_id, source.device_id,
      coalesce(source.lasts_from, source.effective_start), coalesce(source.lasts_until, source.effective_end), source.last_updated));
END
$$;

-- Of what is here already: what was sampled lasts until its last sample begins. What has a Timing, or others in it, is told by reindexing; until then
-- nobody but its patient reads it.
WITH part AS (
  SELECT row.patient_id, row.pk, row.effective_start, one.said, array_length(string_to_array(btrim(one.said ->> 'data'), ' '), 1) AS slots,
    jsonb_path_query_first(one.said,
      '$.extension[*] ? (@.url == "http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets").valueString') #>> '{}' AS offsets
  FROM observation AS row
  CROSS JOIN LATERAL (
    SELECT row.content -> 'valueSampledData' AS said
    UNION ALL
    SELECT value -> 'valueSampledData' FROM jsonb_array_elements(row.content -> 'component')) AS one
  WHERE row.pk IN (SELECT pk FROM observation_code WHERE unit_id = 0) AND one.said IS NOT NULL AND isfinite(row.effective_start)
),
span AS (
  SELECT part.patient_id, part.pk, part.effective_start, least(0, min(after)) AS first, greatest(0, max(after)) AS last
  FROM part
  CROSS JOIN LATERAL (
    SELECT (part.slots - 1) * (part.said ->> 'period')::numeric AS after WHERE part.offsets IS NULL
    UNION ALL
    SELECT CASE WHEN told ~ '^[-+]?[0-9]{1,15}([.][0-9]{1,30})?$' THEN told::numeric ELSE 1e15 END
    FROM regexp_split_to_table(btrim(part.offsets), '\s+') AS told) AS moment(after)
  GROUP BY part.patient_id, part.pk, part.effective_start
),
lasting AS (
  SELECT patient_id, pk, effective_start + first::float8 * interval '1 ms' AS lasts_from,
    CASE WHEN last < 1e13 THEN effective_start + (last::float8 + 1) * interval '1 ms' ELSE 'infinity' END AS lasts_until
  FROM span WHERE abs(first) < 1e13
  UNION ALL
  SELECT patient_id, pk, '-infinity', 'infinity' FROM span WHERE abs(first) >= 1e13
),
longer AS (
  UPDATE observation AS row
  SET is_joint = true, lasts_from = least(lasting.lasts_from, row.effective_start), lasts_until = greatest(lasting.lasts_until, row.effective_end)
  FROM lasting
  WHERE row.patient_id = lasting.patient_id AND row.pk = lasting.pk
    AND (lasting.lasts_from < row.effective_start OR lasting.lasts_until > row.effective_end)
  RETURNING row.patient_id, row.pk, row.lasts_from, row.lasts_until
)
UPDATE observation_code AS code SET is_joint = true, lasts_from = longer.lasts_from, lasts_until = longer.lasts_until
FROM longer WHERE code.patient_id = longer.patient_id AND code.pk = longer.pk;

WITH unknown AS (
  UPDATE observation AS row SET is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
  WHERE row.content ? 'effectiveTiming' AND (row.content #> '{effectiveTiming,code}' IS NOT NULL
      OR (row.content #> '{effectiveTiming,repeat}' IS NOT NULL AND row.content #> '{effectiveTiming,repeat,boundsPeriod}' IS NULL))
    OR row.content @> '{"contained": [{"resourceType": "Observation"}]}'
  RETURNING row.patient_id, row.pk
)
UPDATE observation_code AS code SET is_joint = true, lasts_from = '-infinity', lasts_until = 'infinity'
FROM unknown WHERE code.patient_id = unknown.patient_id AND code.pk = unknown.pk;
