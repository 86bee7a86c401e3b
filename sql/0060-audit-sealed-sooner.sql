-- What is recorded is sealed and shown with less work. Of those who asked alike within a second the permits are looked up once.
CREATE OR REPLACE FUNCTION note_audit_consents(records bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH entry AS MATERIALIZED (
    SELECT record.id, record.recorded, date_trunc('second', record.recorded) AS instant, record.patients, record.practitioner, record.study,
      CASE WHEN record.practitioner IS NULL THEN client.organization END AS organization,
      CASE
        WHEN record.kinds <> '{}' THEN ARRAY(
          SELECT member_id FROM kind_member WHERE kind_member.kind_id = ANY(record.kinds)
          UNION SELECT kind_id FROM kind WHERE key = ANY(named.types))
        WHEN 'Observation' <> ALL(named.types) AND 'Device' <> ALL(named.types) THEN ARRAY(
          SELECT kind_id FROM kind WHERE key = ANY(named.types)) END AS kinds
    FROM audit_record AS record
    LEFT JOIN client ON client.id = record.client
    CROSS JOIN LATERAL (
      SELECT array_agg(type) || array_agg('http://hl7.org/fhir/resource-types|' || type) AS types
      FROM unnest(string_to_array(record.type, ' ')) AS type) AS named
    WHERE record.id = ANY(records) AND record.outcome < 400 AND record.patients <> '{}' AND record.type IS NOT NULL
      AND record.interaction NOT IN ('sign-in', 'create', 'update', 'patch', 'delete') AND record.patient IS NULL
      AND (record.practitioner IS NOT NULL OR (record.person IS NULL AND client.organization IS NOT NULL))
  ),
  ranked AS MATERIALIZED (
    SELECT id, recorded, instant, practitioner, organization, study, patients, kinds,
      dense_rank() OVER (ORDER BY instant, practitioner, organization, study, patients, kinds) AS alike
    FROM entry
  ),
  sample AS MATERIALIZED (
    SELECT DISTINCT ON (alike) alike, instant, practitioner, organization, study, patients, kinds FROM ranked ORDER BY alike
  ),
  asker AS MATERIALIZED (
    SELECT practitioner, organization, study, instant, audit_grantees(practitioner, organization, study, instant) AS grantees
    FROM (SELECT DISTINCT practitioner, organization, study, instant FROM sample) AS distinct_asker
  ),
  -- All that may have let one of them at some moment of the second, or of the one before.
  candidate AS MATERIALIZED (
    SELECT sample.alike, permit.patient_id, permit.consent_id, permit.version, permit.since, permit.ended, permit.valid_from, permit.valid_to,
      coalesce('ResearchStudy/' || of_study.study_id, CASE grantee.kind WHEN 'organization' THEN 'Organization/' ELSE 'Practitioner/' END || grantee.id)
        AS given_to
    FROM sample
    JOIN asker ON asker.practitioner IS NOT DISTINCT FROM sample.practitioner AND asker.organization IS NOT DISTINCT FROM sample.organization
      AND asker.study IS NOT DISTINCT FROM sample.study AND asker.instant = sample.instant
    JOIN then_permit AS permit ON permit.patient_id = ANY(sample.patients) AND permit.grantee = ANY(asker.grantees)
    JOIN grantee ON grantee.grantee = permit.grantee
    LEFT JOIN study_grantee AS of_study ON of_study.grantee = permit.grantee
    WHERE permit.consented
      AND (permit.kind_id = ANY(sample.kinds) OR (sample.kinds IS NULL AND permit.device_id <> -1))
  )
  INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
  SELECT DISTINCT ON (entry.id, permit.consent_id)
    entry.id, entry.recorded, permit.patient_id, permit.consent_id, permit.version, permit.given_to
  FROM ranked AS entry
  JOIN candidate AS permit ON permit.alike = entry.alike
  WHERE permit.since <= entry.recorded AND permit.ended > entry.recorded - interval '1 second'
    AND permit.valid_from <= entry.recorded AND permit.valid_to > entry.recorded - interval '1 second'
  ORDER BY entry.id, permit.consent_id, permit.version DESC
$$;

-- Found by its number alone, and listed by its time: a key of its patient and number found nothing.
ALTER TABLE audit_shown DROP CONSTRAINT audit_shown_pkey;
