-- Of a resource what a mask names: {"code": true} keeps an element whole, {"code": {"text": true}} these of its children.
-- What has nothing left is left out.
CREATE FUNCTION fhir_subset(content jsonb, mask jsonb) RETURNS jsonb IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_typeof(mask) <> 'object' THEN
    RETURN content;
  ELSIF jsonb_typeof(content) = 'array' THEN
    RETURN (
      SELECT jsonb_agg(kept.value ORDER BY item.position)
      FROM jsonb_array_elements(content) WITH ORDINALITY AS item(value, position),
        LATERAL (SELECT fhir_subset(item.value, mask)) AS kept(value)
      WHERE kept.value IS NOT NULL);
  END IF;
  RETURN (
    SELECT jsonb_object_agg(field.key, kept.value)
    FROM jsonb_each(content) AS field, LATERAL (SELECT fhir_subset(field.value, mask -> field.key)) AS kept(value)
    WHERE kept.value IS NOT NULL);
END
$$;

-- The same of a whole resource, marked as incomplete: http://hl7.org/fhir/R4/search.html#elements
CREATE FUNCTION fhir_subsetted(content jsonb, mask jsonb) RETURNS jsonb IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT jsonb_set(fhir_subset(content, mask), '{meta,tag}', coalesce(content #> '{meta,tag}', '[]')
    || '[{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]')
$$;
