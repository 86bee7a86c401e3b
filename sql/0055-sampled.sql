-- How many samples of an Observation were measured in each quarter of an hour, which are counted since 1970: the days of any time zone are made of such,
-- so that a day is counted without the bodies of what was measured on it. Of several components the one with the most counts, as they are of the same
-- moments. What is sampled faster than each second is a wave, such as an ECG: that is one reading, and has no row.
CREATE TABLE sampled (
  patient_id      integer NOT NULL,
  pk              bigint NOT NULL,
  effective_start timestamptz NOT NULL,
  quarters        integer[] NOT NULL,
  counts          integer[] NOT NULL
);
CREATE INDEX sampled_patient ON sampled (patient_id, effective_start);
CREATE INDEX sampled_pk ON sampled (pk);

-- https://hl7.org/fhir/R4/datatypes.html#SampledData; what cannot be counted has no rows.
CREATE FUNCTION sampled_quarters(content jsonb, effective_start timestamptz) RETURNS TABLE (quarters integer[], counts integer[]) STABLE LANGUAGE sql AS $$
  WITH element AS (
    SELECT one.place, one.said, btrim(one.said ->> 'data') AS data, (one.said ->> 'period')::numeric AS period,
      jsonb_path_query_first(one.said,
        '$.extension[*] ? (@.url == "http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets").valueString') #>> '{}' AS offsets
    FROM (
      SELECT 0 AS place, content -> 'valueSampledData' AS said
      UNION ALL
      SELECT part.place, part.value -> 'valueSampledData' FROM jsonb_array_elements(content -> 'component') WITH ORDINALITY AS part(value, place)
    ) AS one
    WHERE one.said IS NOT NULL AND isfinite(effective_start)
  ),
  series AS (
    SELECT place, data, offsets, CASE WHEN abs(period) < 1e12 THEN period::float8 END AS period
    FROM element
    WHERE (said ->> 'dimensions')::numeric = 1 AND (period >= 1000 OR offsets IS NOT NULL)
      AND coalesce(offsets ~ '^[-+]?[0-9]{1,15}([.][0-9]+)?( [-+]?[0-9]{1,15}([.][0-9]+)?)*$', true)
  ),
  sample AS (
    SELECT series.place,
      floor((extract(epoch FROM effective_start)::float8
        + coalesce(one.moment::float8, (one.place - 1) * series.period, 0) / 1000) / 900) AS quarter
    FROM series,
      unnest(string_to_array(series.data, ' '), string_to_array(series.offsets, ' ')) WITH ORDINALITY AS one(text, moment, place)
    WHERE one.text <> 'E' AND one.text <> ''
  ),
  counted AS (SELECT place, quarter, count(*) AS count FROM sample WHERE abs(quarter) < 2e9 GROUP BY place, quarter),
  most AS (SELECT quarter::integer AS quarter, max(count)::integer AS count FROM counted GROUP BY quarter)
  SELECT array_agg(quarter ORDER BY quarter), array_agg(count ORDER BY quarter) FROM most HAVING count(*) > 0
$$;

INSERT INTO sampled
SELECT row.patient_id, row.pk, row.effective_start, found.quarters, found.counts
FROM observation AS row, sampled_quarters(row.content, row.effective_start) AS found
WHERE row.pk IN (SELECT pk FROM observation_code WHERE unit_id = 0);
