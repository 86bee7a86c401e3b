-- Consents name types of other resources as well: a type is a kind too (`http://hl7.org/fhir/resource-types|Condition`), and
-- comes from no source: its device_id is -1, in study_requested_data too, so that it opens no Device and no Observation.

-- The time that a resource says it is of, where the element is a dateTime, date, instant or Period; NULL where it says none.
CREATE FUNCTION fhir_time_low(value jsonb) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT fhir_low(CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' ELSE value ->> 'start' END)
$$;
CREATE FUNCTION fhir_time_high(value jsonb) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT fhir_high(CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' ELSE value ->> 'end' END)
$$;
