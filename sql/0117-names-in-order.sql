-- By family name, then by given names. Two blanks come before any letter, so nobody called Garcia comes after a Garcia Lopez.
CREATE OR REPLACE FUNCTION patient_sort_name(content jsonb) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT left(coalesce(
    fhir_fold(content #>> '{name,0,family}') || coalesce('  ' || fhir_fold((
      SELECT string_agg(given, ' ' ORDER BY place)
      FROM jsonb_array_elements_text(content #> '{name,0,given}') WITH ORDINALITY AS part (given, place))), ''),
    fhir_fold(content #>> '{name,0,text}'), fhir_fold(content #>> '{name,0,given,0}')), 200)
$$;

UPDATE enrolment SET named = patient_sort_name(row.content)
FROM patient AS row WHERE row.patient_id = enrolment.patient_id AND row.id = enrolment.patient AND row.content #> '{name,0,given}' IS NOT NULL;
UPDATE care_consent SET named = patient_sort_name(row.content)
FROM patient AS row WHERE row.patient_id = care_consent.patient_id AND row.id = care_consent.patient AND row.content #> '{name,0,given}' IS NOT NULL;
