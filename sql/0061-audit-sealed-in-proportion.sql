-- What is recorded is sealed in proportion to how much it is: each record was held against every permit that any other of its batch had
-- found. Planned once a connection; answers the digests of what it noted.
DROP FUNCTION note_audit_consents(bigint[]);
CREATE FUNCTION note_audit_consents(records bigint[]) RETURNS bytea
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  digests bytea;
BEGIN
  -- Those who asked alike within a second, for whom kinds and permits are looked up once.
  WITH together AS MATERIALIZED (
    SELECT date_trunc('second', record.recorded) AS instant, record.practitioner, record.study, record.patients, record.kinds, record.type,
      CASE WHEN record.practitioner IS NULL THEN client.organization END AS organization,
      array_agg(record.id) AS ids, array_agg(record.recorded) AS times
    FROM audit_record AS record
    LEFT JOIN client ON client.id = record.client
    WHERE record.id = ANY(records) AND record.outcome < 400 AND record.patients <> '{}' AND record.type IS NOT NULL
      AND record.interaction NOT IN ('sign-in', 'create', 'update', 'patch', 'delete') AND record.patient IS NULL
      AND (record.practitioner IS NOT NULL OR (record.person IS NULL AND client.organization IS NOT NULL))
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  ),
  alike AS MATERIALIZED (
    SELECT instant, practitioner, study, organization, patients, ids, times,
      CASE
        WHEN together.kinds <> '{}' THEN ARRAY(
          SELECT member_id FROM kind_member WHERE kind_member.kind_id = ANY(together.kinds)
          UNION SELECT kind_id FROM kind WHERE key = ANY(named.types))
        WHEN 'Observation' <> ALL(named.types) AND 'Device' <> ALL(named.types) THEN ARRAY(
          SELECT kind_id FROM kind WHERE key = ANY(named.types)) END AS kinds
    FROM together
    CROSS JOIN LATERAL (
      SELECT array_agg(type) || array_agg('http://hl7.org/fhir/resource-types|' || type) AS types
      FROM unnest(string_to_array(together.type, ' ')) AS type) AS named
  ),
  asker AS MATERIALIZED (
    SELECT practitioner, organization, study, instant, audit_grantees(practitioner, organization, study, instant) AS grantees
    FROM (SELECT DISTINCT practitioner, organization, study, instant FROM alike) AS distinct_asker
  ),
  asked AS MATERIALIZED (
    SELECT alike.patients, alike.kinds, alike.ids, alike.times, asker.grantees
    FROM alike JOIN asker ON asker.practitioner IS NOT DISTINCT FROM alike.practitioner
      AND asker.organization IS NOT DISTINCT FROM alike.organization
      AND asker.study IS NOT DISTINCT FROM alike.study AND asker.instant = alike.instant
  ),
  -- All that may have let one of them at some moment of the second, or of the one before.
  candidate AS MATERIALIZED (
    SELECT asked.ids, asked.times, permit.patient_id, permit.consent_id, permit.version, permit.since, permit.ended, permit.valid_from,
      permit.valid_to, coalesce('ResearchStudy/' || of_study.study_id,
        CASE grantee.kind WHEN 'organization' THEN 'Organization/' ELSE 'Practitioner/' END || grantee.id) AS given_to
    FROM asked
    JOIN then_permit AS permit ON permit.patient_id = ANY(asked.patients) AND permit.grantee = ANY(asked.grantees)
    JOIN grantee ON grantee.grantee = permit.grantee
    LEFT JOIN study_grantee AS of_study ON of_study.grantee = permit.grantee
    WHERE permit.consented
      AND (permit.kind_id = ANY(asked.kinds) OR (asked.kinds IS NULL AND permit.device_id <> -1))
  ),
  noted AS (
    INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
    SELECT DISTINCT ON (entry.id, permit.consent_id)
      entry.id, entry.recorded, permit.patient_id, permit.consent_id, permit.version, permit.given_to
    FROM candidate AS permit, unnest(permit.ids, permit.times) AS entry(id, recorded)
    WHERE permit.since <= entry.recorded AND permit.ended > entry.recorded - interval '1 second'
      AND permit.valid_from <= entry.recorded AND permit.valid_to > entry.recorded - interval '1 second'
    ORDER BY entry.id, permit.consent_id, permit.version DESC
    RETURNING record, consent, audit_digest(audit_consent) AS digest
  )
  SELECT coalesce(string_agg(digest, '' ORDER BY record, consent), '') INTO digests FROM noted;
  RETURN digests;
END
$$;

CREATE OR REPLACE FUNCTION show_installation(records bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  WITH told AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('audit_installation', 'pk')) AS pk, id, recorded FROM (
      SELECT entry.id, entry.recorded FROM audit_record AS entry
      WHERE entry.id = ANY(records) AND entry.patients = '{}' AND entry.patient IS NULL AND entry.study IS NULL
        AND (entry.person IS NULL OR works_here(entry.person))
        AND (entry.type IS DISTINCT FROM 'Person' OR entry.resource IS NULL OR works_here(entry.resource))
        AND CASE
          WHEN entry.interaction = 'sign-in' THEN entry.person IS NOT NULL
          WHEN entry.outcome < 400 THEN entry.interaction IN ('create', 'update', 'patch', 'delete', 'transaction')
            AND audit_is_ruled(array_remove(string_to_array(entry.type, ' '), 'Device'))
          ELSE audit_is_ruled(coalesce(string_to_array(entry.type, ' '), '{}')) OR (entry.outcome = 403 AND EXISTS (
            SELECT FROM user_account AS account WHERE account.person = entry.person AND account.administrator))
        END
      ORDER BY entry.id) AS entry
  )
  INSERT INTO audit_installation (pk, record, recorded, content) OVERRIDING SYSTEM VALUE
  SELECT pk, id, recorded, audit_content(id, 'installation-' || -pk - 4503599627370496, '{}', NULL) FROM told;
END
$$;

-- A record of several patients concerns those for whom there are rows of their own: so it needs none in compartments.
CREATE OR REPLACE FUNCTION show_audit(records bigint[]) RETURNS void
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
DELETE FROM compartment WHERE pk < 0;

-- What waits for its seal is found however much is sealed, also where a restored database numbers its transactions anew.
CREATE INDEX audit_record_sealing ON audit_record (epoch, xact);
DROP INDEX audit_record_xact;
