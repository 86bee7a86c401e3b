-- A period or an offset of next to nothing is no floating point number, and was an error here: samples that have one are set aside as of no known unit
-- until 0072.
UPDATE observation_code AS code SET unit_id = -1
FROM observation AS row
WHERE code.unit_id = 0 AND row.patient_id = code.patient_id AND row.pk = code.pk
  AND (row.content @? '$.**.period ? (@ > -1e-70 && @ < 1e-70 && @ != 0)' OR row.content @? '$.**.valueString ? (@ like_regex "[.][0-9]{31}")');
