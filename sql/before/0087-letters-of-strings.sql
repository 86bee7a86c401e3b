-- Narratives of before 0078 keep words with an apostrophe in them, where PostgreSQL takes the sign for a letter. Typed as ', which is what 0087 makes of
-- them beside a letter such as ß, they are no tsvector, or another one: the update failed. Their words are taken from the content again.
DO $$
DECLARE
  name text;
BEGIN
  CREATE TEMPORARY TABLE apart ON COMMIT DROP AS
    SELECT patient_id, pk FROM full_text WHERE narrative::text ~ '[`´‘’ʻʼ′＇]';
  ANALYZE apart;
  FOR name IN SELECT table_name FROM resource_type WHERE EXISTS (SELECT FROM apart) LOOP
    EXECUTE format('
      UPDATE full_text AS words SET narrative = fhir_narrative_words(row.content)
      FROM apart JOIN %I AS row ON row.patient_id = apart.patient_id AND row.pk = apart.pk
      WHERE words.patient_id = row.patient_id AND words.pk = row.pk', name);
  END LOOP;
END $$;
