-- What has ended is looked up by the patient and by the practitioner whom it was about. A reindex ends all permits, and of the 116,000 that it left the
-- sealer read each for each question, which a hundred questions took beyond the limit of a statement: nothing was sealed any more, and so nothing forgotten.
CREATE INDEX audit_ended_permit ON audit_ended (((row ->> 'patient_id')::integer)) WHERE source = 'study_group_observation_consents';
CREATE INDEX audit_ended_practitioner ON audit_ended (((row ->> 'practitioner') COLLATE "C")) WHERE source = 'practitioner_grantee';
CREATE OR REPLACE VIEW then_practitioner_grantee AS
  SELECT practitioner_grantee.*, 'infinity'::timestamptz AS ended FROM practitioner_grantee
  UNION ALL
  SELECT (kept.row ->> 'practitioner') COLLATE "C", past.grantee, past.study_id, past.period_start, past.period_end, kept.ended
  FROM audit_ended AS kept, jsonb_populate_record(NULL::practitioner_grantee, kept.row) AS past
  WHERE kept.source = 'practitioner_grantee';

-- Kept plans may be older than the rows, so those two are found in no other way. What is old enough to be forgotten is looked for by its time.
DROP INDEX audit_ended_source;
CREATE INDEX audit_ended_source ON audit_ended (source) WHERE source NOT IN ('study_group_observation_consents', 'practitioner_grantee');
CREATE INDEX audit_ended_ended ON audit_ended (ended);

-- The permits of those patients alone, past ones too: PostgreSQL passes no condition of a join on to the tables under a view of both.
CREATE OR REPLACE FUNCTION note_audit_consents(records bigint[]) RETURNS bytea
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  digests bytea;
BEGIN
  -- Those who asked alike within a second, for whom kinds and permits are looked up once.
  WITH together AS MATERIALIZED (
    SELECT date_trunc('second', record.recorded) AS instant, record.practitioner, record.study, own.patients, own.kinds,
      record.kinds <> '{}' AS is_of_kinds, record.type,
      CASE WHEN record.practitioner IS NULL THEN client.organization END AS organization,
      array_agg(record.id) AS ids, array_agg(record.recorded) AS times
    FROM audit_record AS record
    LEFT JOIN client ON client.id = record.client
    CROSS JOIN LATERAL audit_kinds_apart(record) AS own
    WHERE record.id = ANY(records) AND record.outcome < 400 AND record.patients <> '{}' AND record.type IS NOT NULL
      AND record.interaction NOT IN ('sign-in', 'create', 'update', 'patch', 'delete') AND record.patient IS NULL
      AND (record.practitioner IS NOT NULL OR (record.person IS NULL AND client.organization IS NOT NULL))
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ),
  alike AS MATERIALIZED (
    SELECT instant, practitioner, study, organization, patients, ids, times,
      CASE
        WHEN together.is_of_kinds THEN ARRAY(
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
    CROSS JOIN LATERAL (
      SELECT *, 'infinity'::timestamptz AS ended FROM study_group_observation_consents WHERE patient_id = ANY(asked.patients)
      UNION ALL
      SELECT past.*, kept.ended
      FROM audit_ended AS kept, jsonb_populate_record(NULL::study_group_observation_consents, kept.row) AS past
      WHERE kept.source = 'study_group_observation_consents' AND (kept.row ->> 'patient_id')::integer = ANY(asked.patients)) AS permit
    JOIN grantee ON grantee.grantee = permit.grantee
    LEFT JOIN study_grantee AS of_study ON of_study.grantee = permit.grantee
    WHERE permit.consented AND permit.grantee = ANY(asked.grantees)
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
DROP VIEW then_permit;
