-- _text and _content. The parser of PostgreSQL passes over tags and entities, and over words longer than 2 kB: base64.
-- A tsvector holds 1 MB, also of what is longer once it is folded: hence the first 100,000 characters. Plain ASCII is folded already.
CREATE FUNCTION fhir_words(text text) RETURNS tsvector IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT to_tsvector('simple', CASE
    WHEN octet_length(text) = length(text) THEN left(text, 100000)
    ELSE left(fhir_fold(left(text, 100000)), 100000)
  END)
$$;
CREATE FUNCTION fhir_narrative_words(content jsonb) RETURNS tsvector IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT fhir_words(content #>> '{text,div}')
$$;
CREATE FUNCTION fhir_content_words(content jsonb) RETURNS tsvector IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT CASE
    WHEN octet_length(content::text) > 250000 THEN (
      SELECT fhir_words(string_agg(leaf #>> '{}', ' '))
      FROM jsonb_path_query(content, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS leaf
      WHERE length(leaf #>> '{}') < 500 OR leaf #>> '{}' ~ '\s')
    WHEN octet_length(content::text) = length(content::text) THEN
      jsonb_to_tsvector('simple', content, '["string", "numeric"]')
    ELSE jsonb_to_tsvector('simple', fhir_fold(content::text)::jsonb, '["string", "numeric"]')
  END
$$;

-- The words of narratives: they only narrow, the content decides, by the same function. What has no narrative has no row.
CREATE TABLE full_text (
  patient_id integer NOT NULL,
  pk         bigint NOT NULL,
  narrative  tsvector NOT NULL
);
CREATE INDEX full_text_narrative ON full_text USING gin (narrative);
CREATE INDEX full_text_pk ON full_text (pk);

DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT table_name FROM resource_type LOOP
    EXECUTE format('INSERT INTO full_text SELECT patient_id, pk, fhir_narrative_words(content) FROM %I WHERE content #> ''{text,div}'' IS NOT NULL', name);
  END LOOP;
END $$;
