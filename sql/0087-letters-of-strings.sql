-- What Unicode's case folding makes one, and letters without their marks, also where normalization leaves them as they are: Strasse and Straße, Soren
-- and Søren, Yildiz and Yıldız. The same as fold in src/storage/values/string.ts. Plain ASCII, as most text is, needs none of it; not STRICT, since
-- PostgreSQL would then call it as a function, which takes longer than what it does.
CREATE OR REPLACE FUNCTION fhir_fold(value text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT CASE
    WHEN octet_length(value) = char_length(value) THEN translate(lower(value), '`', '''')
    ELSE replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
      translate(lower(regexp_replace(normalize(value, NFD), '[\u0300-\u036f]', '', 'g')),
        'ςıſµøłđðħ`´‘’ʻʼ′＇', 'σisμolddh'''''''''''''''''),
      'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), 'ĳ', 'ij'),
      'ﬀ', 'ff'), 'ﬁ', 'fi'), 'ﬂ', 'fl'), 'ﬃ', 'ffi'), 'ﬄ', 'ffl'), 'ﬅ', 'st'), 'ﬆ', 'st')
  END
$$;
UPDATE index_string SET value = fhir_fold(value) WHERE value ~ '[ıſµøłđðħßæœþĳﬀ-ﬆ]';
UPDATE full_text SET narrative = fhir_fold(narrative::text)::tsvector WHERE narrative::text ~ '[ıſµøłđðħßæœþĳﬀ-ﬆ]';

-- A text that begins with punctuation is found by nothing as well, so that a search for punctuation alone need not read all texts.
DO $$
DECLARE
  name text;
BEGIN
  CREATE TEMPORARY TABLE told ON COMMIT DROP AS
    SELECT parameter, patient_id, pk FROM index_string GROUP BY parameter, patient_id, pk HAVING NOT bool_or(value = '');
  ANALYZE told;
  FOR name IN SELECT table_name FROM resource_type LOOP
    EXECUTE format($insert$
      INSERT INTO index_string (parameter, value, patient_id, pk)
      SELECT told.parameter, '', told.patient_id, told.pk
      FROM told JOIN %I AS row ON row.patient_id = told.patient_id AND row.pk = told.pk
      WHERE (CASE WHEN row.pk IN (SELECT pk FROM told) THEN row.content::text END)
        ~ '[ \[]"[\\\s!#%%&''()*,./:;?@\[\]_{}`´ʻʼ\u00a0\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u0300-\u036f\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u1680\u1fef\u1ffd\u2000-\u200a\u2010-\u2029\u202f-\u205f\u3000-\u3003\u3008-\u3011\u3014-\u301f\u3030\u30fb\uff01-\uff03\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65]'
      $insert$, name);
  END LOOP;
END $$;

-- How many texts are longer than the index has of them: PostgreSQL takes a third for granted, and would not begin with what contains the rarest word.
CREATE STATISTICS index_string_length ON (octet_length(value)) FROM index_string;
ANALYZE index_string;
