-- The same as intervalOf in src/fhir/date.ts: second 60 is the first of the next minute, also with a fraction, which PostgreSQL refuses; digits beyond
-- microseconds are cut, not rounded into the next second, day or year; a fraction is as wide as its last digit; what four digits cannot say is
-- infinite; and what is no date is NULL, and no error for whoever searches. What the indexes have of dates was always made so, and stays.
CREATE OR REPLACE FUNCTION fhir_low(value text) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  told text := value || CASE length(value) WHEN 4 THEN '-01-01T00:00Z' WHEN 7 THEN '-01T00:00Z' WHEN 10 THEN 'T00:00Z' ELSE '' END;
  is_leap CONSTANT boolean := substr(value, 17, 3) = ':60';
  low timestamptz;
BEGIN
  IF right(told, 1) <> 'Z' AND left(right(told, 6), 1) NOT IN ('+', '-') THEN told := told || 'Z'; END IF;
  IF length(told) > length('2026-03-31T23:59:59.123456Z') THEN told := regexp_replace(told, '(\.\d{6})\d+', '\1'); END IF;
  IF is_leap THEN told := overlay(told PLACING ':59' FROM 17); END IF;
  IF NOT pg_input_is_valid(told, 'timestamptz') THEN RETURN NULL; END IF;
  low := told::timestamptz;
  IF is_leap THEN low := low + interval '1 second'; END IF;
  RETURN CASE WHEN low < '0001-01-01T00:00Z' THEN '-infinity' WHEN low >= '10000-01-01T00:00Z' THEN 'infinity' ELSE low END;
END
$$;

CREATE OR REPLACE FUNCTION fhir_high(value text) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  low CONSTANT timestamptz := fhir_low(value);
  high CONSTANT timestamptz := CASE
    WHEN length(value) = 4 THEN (low AT TIME ZONE 'UTC' + interval '1 year') AT TIME ZONE 'UTC'
    WHEN length(value) = 7 THEN (low AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
    WHEN length(value) = 10 THEN low + interval '24 hours'
    WHEN substr(value, 17, 1) <> ':' THEN low + interval '1 minute'
    WHEN substr(value, 20, 1) <> '.' THEN low + interval '1 second'
    ELSE low + interval '1 microsecond' * 10 ^ (6 - least(6, length(substring(value FROM '\.(\d+)'))))
  END;
BEGIN
  RETURN CASE WHEN high >= '10000-01-01T00:00Z' THEN 'infinity' ELSE high END;
END
$$;

-- A sigma is the same letter at the end of a word: lower() makes only one of the two of a capital, and JavaScript the other.
CREATE OR REPLACE FUNCTION fhir_fold(value text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT replace(lower(regexp_replace(normalize(value, NFD), '[\u0300-\u036f]', '', 'g')), 'ς', 'σ')
$$;
UPDATE index_string SET value = replace(value, 'ς', 'σ') WHERE strpos(value, 'ς') > 0;
UPDATE full_text SET narrative = replace(narrative::text, 'ς', 'σ')::tsvector WHERE strpos(narrative::text, 'ς') > 0;

-- As floating point, whose powers up to the fourth, and products with another such, it can hold: nothing that is measured is larger or smaller.
CREATE FUNCTION fhir_float(value numeric) RETURNS float8 IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT CASE WHEN abs(value) < 1e-70 THEN 0 WHEN abs(value) < 1e70 THEN value::float8 END
$$;

-- Digits without end behind the point, and a period of next to nothing, are no floating point number, and were an error for whoever uploaded them.
CREATE OR REPLACE FUNCTION sampled_quarters(content jsonb, effective_start timestamptz) RETURNS TABLE (quarters integer[], counts integer[]) STABLE LANGUAGE sql AS $$
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
    SELECT place, data, offsets, CASE WHEN abs(period) < 1e12 THEN fhir_float(period) END AS period
    FROM element
    WHERE (said ->> 'dimensions')::numeric = 1 AND (period >= 1000 OR offsets IS NOT NULL)
      AND coalesce(offsets ~ '^[-+]?[0-9]{1,15}([.][0-9]{1,30})?( [-+]?[0-9]{1,15}([.][0-9]{1,30})?)*$', true)
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
