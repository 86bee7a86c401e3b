-- Whose a record is, and who is named in it, is asked once for all of a batch that are alike in that.
CREATE OR REPLACE FUNCTION show_audit(records bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH entry AS MATERIALIZED (
    SELECT id, recorded, patients, dense_rank() OVER (
      ORDER BY study, client, practitioner, person, patient, CASE cardinality(patients) WHEN 1 THEN patients[1] END) AS alike
    FROM audit_record WHERE id = ANY(records)
  ),
  owned AS MATERIALIZED (
    SELECT sample.alike, audit_owner(audit_record) AS owner
    FROM (SELECT alike, min(id) AS id FROM entry GROUP BY alike) AS sample JOIN audit_record USING (id)
  ),
  told AS MATERIALIZED (
    SELECT id, recorded, patients, owner, dense_rank() OVER (ORDER BY patients, owner) AS named
    FROM entry JOIN owned USING (alike)
    WHERE owner IS NOT NULL OR patients <> '{}'
  ),
  naming AS MATERIALIZED (
    SELECT named, audit_subjects(patients, owner) AS subjects
    FROM (SELECT DISTINCT named, patients, owner FROM told) AS sample
  ),
  whole AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT CASE cardinality(patients) WHEN 1 THEN patients[1] ELSE 0 END, id, recorded, owner, subjects
    FROM told JOIN naming USING (named) WHERE owner IS NOT NULL OR cardinality(patients) = 1 ORDER BY id
    RETURNING patient_id, pk, record
  ),
  part AS MATERIALIZED (
    SELECT DISTINCT id, recorded, patient FROM told, unnest(patients) AS patient WHERE cardinality(patients) > 1
  ),
  own AS MATERIALIZED (
    SELECT patient, audit_subjects(ARRAY[patient], NULL) AS subjects FROM (SELECT DISTINCT patient FROM part) AS patients
  ),
  parts AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT patient, id, recorded, NULL, subjects FROM part JOIN own USING (patient) ORDER BY id
  )
  INSERT INTO compartment (patient_id, pk)
  SELECT DISTINCT patient, whole.pk FROM whole JOIN told ON told.id = whole.record, unnest(told.patients) AS patient
  WHERE whole.patient_id = 0
$$;
