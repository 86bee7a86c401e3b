-- The hyphens U+2010 and U+2011 have been the same as that of the keyboard since sql/0093. But where a database has another locale than C, its parser had
-- parted the words there already, and nothing in the words told which narratives have one.
DO $$
DECLARE
  name text;
BEGIN
  IF length(to_tsvector('simple', 'a‑b')) = 1 THEN
    RETURN;
  END IF;
  FOR name IN SELECT table_name FROM resource_type LOOP
    EXECUTE format('
      UPDATE full_text AS words SET narrative = fhir_narrative_words(row.content)
      FROM %I AS row
      WHERE words.patient_id = row.patient_id AND words.pk = row.pk AND row.content #>> ''{text,div}'' ~ ''[\u2010\u2011]''', name);
  END LOOP;
END $$;
