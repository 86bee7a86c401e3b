-- Patients in the order of their names, in which lists of them begin: a page is read from an index, until it is full.

-- What a search sorts Patients by: the first of all their family names, or of all their given ones, as far as an index takes it; for those without any, what
-- comes after all letters.
CREATE FUNCTION first_name_part(parts jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql RETURN
  coalesce(left((SELECT min(fhir_fold(part) COLLATE natural_order) FROM jsonb_array_elements_text(parts) AS part), 200), U&'\FFFF');

ALTER TABLE patient
  ADD COLUMN family text COLLATE natural_order NOT NULL
    GENERATED ALWAYS AS (first_name_part(jsonb_path_query_array(content, '$.name[*].family'))) STORED,
  ADD COLUMN given text COLLATE natural_order NOT NULL
    GENERATED ALWAYS AS (first_name_part(jsonb_path_query_array(content, '$.name[*].given[*]'))) STORED;

CREATE INDEX patient_named ON patient (family, given, pk DESC);

ANALYZE patient;
