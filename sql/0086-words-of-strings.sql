-- A string is found from each of its words on, punctuation and repeated blanks aside: Quinones in Carreño Quiñones, OBrien and O Brien in O'Brien.
-- The same as formsOf in src/storage/values/string.ts, of what is folded; `instead` stands for punctuation.
CREATE FUNCTION fhir_unpunctuated(folded text, instead text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT btrim(regexp_replace(regexp_replace(folded,
    '[!"#%&''()*,./:;?@\[\\\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u055a-\u055f\u0589\u058a\u05be\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u30fb\uff01-\uff03\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65-]',
    instead, 'g'), '[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'))
$$;

-- Whether some word of the value begins with one of the texts that are asked. Of a long one the words among the first 200 letters count.
CREATE FUNCTION fhir_begins(value text, asked text[]) RETURNS boolean IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  folded CONSTANT text := fhir_fold(value);
  joined CONSTANT text := CASE WHEN folded ~ '[^a-z0-9]' THEN fhir_unpunctuated(folded, '') ELSE folded END;
  parted CONSTANT text := CASE WHEN folded ~ '[^a-z0-9 ]' THEN fhir_unpunctuated(folded, ' ') ELSE joined END;
  one text;
BEGIN
  FOREACH one IN ARRAY asked LOOP
    IF strpos(' ' || left(joined, greatest(200, length(one))), ' ' || one) > 0
      OR strpos(' ' || left(parted, greatest(200, length(one))), ' ' || one) > 0 THEN
      RETURN TRUE;
    END IF;
  END LOOP;
  RETURN FALSE;
END
$$;

-- What is indexed of what is here already. Longer texts are cut there: they keep what was told of them, and what lies behind the cut is told with their next version.
CREATE TEMPORARY TABLE told ON COMMIT DROP AS
  SELECT parameter, value, patient_id, pk, fhir_unpunctuated(value, '') AS joined, fhir_unpunctuated(value, ' ') AS parted
  FROM index_string WHERE value ~ '[^a-z0-9]';
DELETE FROM index_string WHERE value ~ '[^a-z0-9]' AND octet_length(value) < 199;
INSERT INTO index_string (parameter, value, patient_id, pk)
SELECT parameter, joined, patient_id, pk FROM told WHERE octet_length(value) < 199
UNION
SELECT told.parameter, left(array_to_string(word[place:], ' '), 40), told.patient_id, told.pk
FROM told, unnest(ARRAY[joined, parted]) WITH ORDINALITY AS form(text, number), string_to_array(form.text, ' ') AS word, generate_subscripts(word, 1) AS place
WHERE place > 1 OR octet_length(value) >= 199 OR (number = 2 AND joined <> parted);
