-- Under which numbers patients are shown what is recorded of these. PostgreSQL writes it into the statement that asks.
CREATE FUNCTION audit_patients_now(noted integer[]) RETURNS TABLE (patients integer[]) STABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN EXISTS (SELECT FROM compartment_joining AS joining WHERE joining.later = ANY(noted) AND joining.earlier <> joining.later)
    THEN ARRAY(SELECT DISTINCT audit_number_now(number) FROM unnest(noted) AS number)
    ELSE noted END
$$;

-- Of patients whose compartments were joined since it was recorded it is shown under the number that they have now.
CREATE OR REPLACE FUNCTION show_audit(records bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  WITH entry AS MATERIALIZED (
    SELECT record.id, record.recorded, now.patients, dense_rank() OVER (
      ORDER BY study, client, practitioner, person, patient, CASE cardinality(record.patients) WHEN 1 THEN record.patients[1] END) AS alike
    FROM audit_record AS record
    CROSS JOIN LATERAL audit_patients_now(record.patients) AS now
    WHERE record.id = ANY(records)
  ),
  owned AS MATERIALIZED (
    SELECT sample.alike, named.owner
    FROM (SELECT alike, min(id) AS id FROM entry GROUP BY alike) AS sample
    JOIN audit_record ON audit_record.id = sample.id
    CROSS JOIN LATERAL audit_owner(audit_record) AS named
  ),
  told AS MATERIALIZED (
    SELECT id, recorded, patients, owner, dense_rank() OVER (ORDER BY patients, owner) AS named
    FROM entry JOIN owned USING (alike)
    WHERE owner IS NOT NULL OR patients <> '{}'
  ),
  naming AS MATERIALIZED (
    SELECT sample.named, one.subjects
    FROM (SELECT DISTINCT named, patients, owner FROM told) AS sample
    CROSS JOIN LATERAL audit_subjects(sample.patients, sample.owner) AS one
  ),
  whole AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT CASE cardinality(patients) WHEN 1 THEN patients[1] ELSE 0 END, id, recorded, owner, subjects
    FROM told JOIN naming USING (named) WHERE owner IS NOT NULL OR cardinality(patients) = 1 ORDER BY id
  ),
  part AS MATERIALIZED (
    SELECT DISTINCT id, recorded, patient FROM told, unnest(patients) AS patient WHERE cardinality(patients) > 1
  ),
  own AS MATERIALIZED (
    SELECT patients.patient, one.subjects
    FROM (SELECT DISTINCT patient FROM part) AS patients
    CROSS JOIN LATERAL audit_subjects(ARRAY[patients.patient], NULL) AS one
  )
  INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
  SELECT patient, id, recorded, NULL, subjects FROM part JOIN own USING (patient) ORDER BY id;
END
$$;

-- What was sealed after a joining stood under a number that nobody has any more, and was shown to nobody.
UPDATE audit_shown AS shown SET patient_id = audit_number_now(shown.patient_id), subjects = naming.subjects
FROM audit_shown AS stray
CROSS JOIN LATERAL audit_subjects(ARRAY[audit_number_now(stray.patient_id)], stray.owner) AS naming
WHERE shown.patient_id = stray.patient_id AND shown.pk = stray.pk
  AND stray.patient_id IN (SELECT later FROM compartment_joining WHERE earlier <> later);
