-- What is recorded is shown in one statement: whose it is and who is named in it are parts of that, in place of functions that are
-- called for each (a third of what recording a read took). As tables of one row PostgreSQL writes them into the statement that asks.
DROP FUNCTION show_audit(bigint[]);
DROP FUNCTION audit_subjects(integer[], text);
DROP FUNCTION audit_owner(audit_record);

-- Whose privacy officers are told: of staff, those of the study to which their token is narrowed, else of who registered the one patient,
-- else of the client, else of where they have the highest role. What somebody does as a patient is nobody's to oversee.
CREATE FUNCTION audit_owner(entry audit_record) RETURNS TABLE (owner text) STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN entry.patient IS NULL THEN coalesce(
    (SELECT study.organization FROM study WHERE study.id = entry.study),
    (SELECT min(patient.owner) FROM patient
      WHERE entry.practitioner IS NOT NULL AND cardinality(entry.patients) = 1 AND patient.patient_id = entry.patients[1]
      HAVING count(*) = 1),
    (SELECT client.organization FROM client WHERE client.id = entry.client),
    (SELECT membership.organization FROM membership
      WHERE membership.practitioner = coalesce(entry.practitioner,
        (SELECT practitioner FROM person_practitioner AS staff WHERE staff.person = entry.person))
        AND now() >= membership.period_start AND now() < membership.period_end
      ORDER BY membership.rank DESC, membership.organization LIMIT 1)) END
$$;

-- Of a human who is registered in several tenants only those records that stand in the owner's, or take part in a study of it.
CREATE FUNCTION audit_subjects(patients integer[], told text) RETURNS TABLE (subjects text[]) STABLE LANGUAGE sql AS $$
  SELECT ARRAY(
    SELECT compartment.id
    FROM patient_compartment AS compartment
    WHERE compartment.patient_id = ANY(patients) AND (told IS NULL OR EXISTS (
      SELECT FROM (
        SELECT patient.owner AS organization FROM patient
        WHERE patient.patient_id = compartment.patient_id AND patient.id = compartment.id
        UNION ALL
        SELECT study.organization FROM enrolment JOIN study ON study.id = enrolment.study_id
        WHERE enrolment.patient_id = compartment.patient_id AND enrolment.patient = compartment.id) AS place
      JOIN organization_node AS node ON node.id = place.organization
      WHERE node.tenant = mine.tenant))
    ORDER BY compartment.id)
  FROM (SELECT (SELECT tenant FROM organization_node WHERE id = told) AS tenant OFFSET 0) AS mine
$$;

CREATE FUNCTION show_audit(records bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  WITH entry AS MATERIALIZED (
    SELECT id, recorded, patients, dense_rank() OVER (
      ORDER BY study, client, practitioner, person, patient, CASE cardinality(patients) WHEN 1 THEN patients[1] END) AS alike
    FROM audit_record WHERE id = ANY(records)
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
    RETURNING patient_id, pk, record
  ),
  part AS MATERIALIZED (
    SELECT DISTINCT id, recorded, patient FROM told, unnest(patients) AS patient WHERE cardinality(patients) > 1
  ),
  own AS MATERIALIZED (
    SELECT patients.patient, one.subjects
    FROM (SELECT DISTINCT patient FROM part) AS patients
    CROSS JOIN LATERAL audit_subjects(ARRAY[patients.patient], NULL) AS one
  ),
  parts AS (
    INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
    SELECT patient, id, recorded, NULL, subjects FROM part JOIN own USING (patient) ORDER BY id
  )
  INSERT INTO compartment (patient_id, pk)
  SELECT DISTINCT patient, whole.pk FROM whole JOIN told ON told.id = whole.record, unnest(told.patients) AS patient
  WHERE whole.patient_id = 0;
END
$$;
