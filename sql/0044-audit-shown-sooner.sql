-- Reads of many patients are shown as fast as they are made: these are planned once a connection, and a tenant is looked up once a row.
CREATE OR REPLACE FUNCTION audit_owner(entry audit_record) RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE WHEN entry.patient IS NULL THEN coalesce(
    (SELECT study.organization FROM study WHERE study.id = entry.study),
    (SELECT min(patient.owner) FROM patient
      WHERE entry.practitioner IS NOT NULL AND cardinality(entry.patients) = 1 AND patient.patient_id = entry.patients[1]
      HAVING count(*) = 1),
    (SELECT client.organization FROM client WHERE client.id = entry.client),
    (SELECT membership.organization FROM membership
      WHERE membership.practitioner = coalesce(entry.practitioner,
        (SELECT practitioner FROM person_practitioner AS staff WHERE staff.person = entry.person))
        AND now() >= membership.period_start AND now() < membership.period_end
      ORDER BY membership.rank DESC, membership.organization LIMIT 1)) END;
END
$$;

CREATE OR REPLACE FUNCTION audit_subjects(patients integer[], told text) RETURNS text[]
STABLE LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  tenant_told text := (SELECT tenant FROM organization_node WHERE id = told);
BEGIN
  RETURN ARRAY(
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
      WHERE node.tenant = tenant_told))
    ORDER BY compartment.id);
END
$$;

CREATE OR REPLACE FUNCTION show_audit(records bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
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
  WHERE whole.patient_id = 0;
END
$$;
