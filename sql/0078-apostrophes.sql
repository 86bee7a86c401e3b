-- An apostrophe is the same as it is typed and as it is set: O'Neil and O’Neil, Kaʻahumanu and Ka'ahumanu; ` and ´ are typed for it where it is far on the keyboard.
CREATE OR REPLACE FUNCTION fhir_fold(value text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT translate(lower(regexp_replace(normalize(value, NFD), '[\u0300-\u036f]', '', 'g')), 'ς`´‘’ʻʼ′＇', 'σ''''''''''''''''')
$$;
UPDATE index_string SET value = translate(value, '`´‘’ʻʼ′＇', '''''''''''''''''') WHERE value ~ '[`´‘’ʻʼ′＇]';
-- Of these two are letters, and others part words: what stood as one word is found as its parts too. The index only narrows.
UPDATE full_text SET narrative = narrative || to_tsvector('simple', translate((
    SELECT string_agg(word, ' ') FROM unnest(tsvector_to_array(narrative)) AS word WHERE word ~ '[ʻʼ]'), 'ʻʼ', ''''''))
  WHERE narrative::text ~ '[ʻʼ]';
