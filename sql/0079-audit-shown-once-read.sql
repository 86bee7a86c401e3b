-- What was read of the records once is carried along. Of each group that is alike one was looked up again, and until statistics were gathered
-- the plan that is kept read all records for it, for each batch.
CREATE OR REPLACE FUNCTION show_audit(records bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  WITH entry AS MATERIALIZED (
    SELECT record, record.id, record.recorded, now.patients, dense_rank() OVER (
      ORDER BY study, client, practitioner, person, patient, CASE cardinality(record.patients) WHEN 1 THEN record.patients[1] END) AS alike
    FROM audit_record AS record
    CROSS JOIN LATERAL audit_patients_now(record.patients) AS now
    WHERE record.id = ANY(records)
  ),
  owned AS MATERIALIZED (
    SELECT sample.alike, named.owner
    FROM (SELECT DISTINCT ON (alike) alike, record FROM entry ORDER BY alike, id) AS sample
    CROSS JOIN LATERAL audit_owner(sample.record) AS named
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
