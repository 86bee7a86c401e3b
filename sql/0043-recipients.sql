-- A version of a study's text may say who receives: its organization, and people from elsewhere by name. Who signs such a version gives to
-- these, and whoever is named as staff later reads nothing of it. recipients: the practitioners from elsewhere; NULL: left to the study.
ALTER TABLE study_text ADD recipients text[];

-- Under which numbers permits of a study's people stand. Without a practitioner: study.grantee, where the signed text leaves it to the study,
-- and one for the study's organization where the text names who receives. With one: for that recipient from elsewhere.
CREATE TABLE study_grantee (
  study_id     text COLLATE "C" NOT NULL,
  grantee      integer NOT NULL PRIMARY KEY,
  practitioner text COLLATE "C"
);
CREATE INDEX study_grantee_study ON study_grantee (study_id);
INSERT INTO grantee (kind, id) SELECT 'study-organization', id FROM study;
INSERT INTO study_grantee (study_id, grantee)
  SELECT id, grantee FROM study
  UNION ALL SELECT id, grantee FROM grantee WHERE kind = 'study-organization';

-- Whether a practitioner works in the organization now, or in one that is part of it.
CREATE FUNCTION works_within(asked text, of_organization text) RETURNS boolean STABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM membership
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ancestor = of_organization
    WHERE membership.practitioner = asked AND now() >= membership.period_start AND now() < membership.period_end)
$$;

-- Through whom consents reach a practitioner now: studies in force, organizations, the practitioner's own name. One may stand there twice.
CREATE OR REPLACE FUNCTION practitioner_grantees(asked text, only_study text) RETURNS integer[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT reached.grantee
    FROM study_staff AS staff
    JOIN study ON study.id = staff.study_id
    JOIN study_grantee AS reached ON reached.study_id = study.id
    WHERE staff.practitioner = asked AND now() >= staff.period_start AND now() < staff.period_end
      AND study.in_force AND now() >= study.period_start AND now() < study.period_end
      AND (only_study IS NULL OR study.id = only_study)
      AND (reached.grantee = study.grantee OR reached.practitioner = asked
        OR (reached.practitioner IS NULL AND works_within(asked, study.organization)))
    UNION ALL
    SELECT reached.grantee
    FROM membership
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    JOIN study ON study.organization = tree.ancestor AND study.access = 'organization'
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
    WHERE membership.practitioner = asked AND now() >= membership.period_start AND now() < membership.period_end
      AND study.in_force AND now() >= study.period_start AND now() < study.period_end
      AND (only_study IS NULL OR study.id = only_study)
    UNION ALL
    SELECT grantee.grantee
    FROM membership
    JOIN grantee ON grantee.kind = 'organization' AND grantee.id = membership.organization
    WHERE membership.practitioner = asked AND only_study IS NULL
      AND now() >= membership.period_start AND now() < membership.period_end
    UNION ALL
    SELECT grantee.grantee
    FROM grantee WHERE grantee.kind = 'practitioner' AND grantee.id = asked AND only_study IS NULL);
END
$$;

-- What an organization's own studies are consented.
CREATE OR REPLACE FUNCTION organization_grantees(asked text, only_study text) RETURNS integer[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT reached.grantee
    FROM study
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
    WHERE study.organization = asked AND study.in_force AND now() >= study.period_start AND now() < study.period_end
      AND (only_study IS NULL OR study.id = only_study));
END
$$;

-- The studies in which a practitioner works from elsewhere, and whose texts say who receives: of their people nothing is theirs to see but
-- of those who gave it to them.
CREATE FUNCTION bound_studies(asked_kind text, asked text) RETURNS text[] STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF asked_kind <> 'practitioner' THEN RETURN '{}'; END IF;
  RETURN ARRAY(
    SELECT study.id
    FROM study_staff AS staff
    JOIN study ON study.id = staff.study_id
    WHERE staff.practitioner = asked AND now() >= staff.period_start AND now() < staff.period_end
      AND EXISTS (SELECT FROM study_text WHERE study_text.study_id = study.id AND recipients IS NOT NULL)
      AND NOT works_within(asked, study.organization));
END
$$;
CREATE FUNCTION gave_to_recipient(of_patient integer, of_study text, asked text) RETURNS boolean
STABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM study
    JOIN study_grantee AS reached ON reached.study_id = study.id
      AND (reached.practitioner = asked OR reached.grantee = study.grantee)
    JOIN study_group_observation_consents AS given ON given.grantee = reached.grantee AND given.patient_id = of_patient
    WHERE study.id = of_study AND given.consented AND now() >= given.valid_from AND now() < given.valid_to);
END
$$;

-- Whether a Patient of an identified study among these has accepted: once a Consent to the study is active, for no one else
-- can say so. Another record of the same human, which another organization keeps, has not accepted by that. To whom: by the grantees.
DROP FUNCTION patient_accepted(integer, text, text[]);
CREATE FUNCTION patient_accepted(of_patient integer, of_id text, studies text[], grantees integer[]) RETURNS boolean
STABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM study
    JOIN enrolment ON enrolment.study_id = study.id
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.grantee = ANY (grantees)
    JOIN study_group_observation_consents AS given
      ON given.patient_id = enrolment.patient_id AND given.grantee = reached.grantee
    JOIN consent_grantee AS shape ON shape.patient_id = given.patient_id AND shape.consent_id = given.consent_id
    JOIN consent ON consent.patient_id = shape.patient_id AND consent.pk = shape.pk
      AND referenced_id(consent.content -> 'patient', 'Patient') = enrolment.patient
    WHERE study.id = ANY (studies) AND study.identity = 'identified'
      AND study.in_force AND now() >= study.period_start AND now() < study.period_end
      AND enrolment.patient = of_id AND enrolment.patient_id = of_patient
      AND enrolment.in_force AND now() >= enrolment.period_start AND now() < enrolment.period_end
      AND given.consented AND given.stored_before = 'infinity' AND now() >= given.valid_from AND now() < given.valid_to);
END
$$;

-- practitioner_grantees and organization_grantees, as they answered in the second that begins then, or in the one before.
CREATE OR REPLACE FUNCTION audit_grantees(asked text, of_organization text, only_study text, at timestamptz) RETURNS integer[]
STABLE LANGUAGE plpgsql AS $$
DECLARE
  low timestamptz := at - interval '1 second';
  high timestamptz := at + interval '1 second';
BEGIN
  IF asked IS NULL THEN
    RETURN ARRAY(
      SELECT reached.grantee FROM then_study AS study
      JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
      WHERE study.organization = of_organization AND study.in_force AND study.period_start < high AND study.period_end > low
        AND study.ended > low AND (only_study IS NULL OR study.id = only_study));
  END IF;
  RETURN ARRAY(
    SELECT reached.grantee
    FROM then_study_staff AS staff
    JOIN then_study AS study ON study.id = staff.study_id
    JOIN study_grantee AS reached ON reached.study_id = study.id
    WHERE staff.practitioner = asked AND staff.period_start < high AND staff.period_end > low AND staff.ended > low
      AND study.in_force AND study.period_start < high AND study.period_end > low AND study.ended > low
      AND (only_study IS NULL OR study.id = only_study)
      AND (reached.grantee = study.grantee OR reached.practitioner = asked OR (reached.practitioner IS NULL AND EXISTS (
        SELECT FROM then_membership AS membership
        JOIN then_organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ended > low
        WHERE membership.practitioner = asked AND tree.ancestor = study.organization
          AND membership.period_start < high AND membership.period_end > low AND membership.ended > low)))
    UNION
    SELECT reached.grantee
    FROM then_membership AS membership
    JOIN then_organization_ancestor AS tree ON tree.organization = membership.organization AND tree.ended > low
    JOIN then_study AS study ON study.organization = tree.ancestor AND study.access = 'organization'
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
    WHERE membership.practitioner = asked AND membership.period_start < high AND membership.period_end > low AND membership.ended > low
      AND study.in_force AND study.period_start < high AND study.period_end > low AND study.ended > low
      AND (only_study IS NULL OR study.id = only_study)
    UNION
    SELECT grantee.grantee
    FROM then_membership AS membership
    JOIN grantee ON grantee.kind = 'organization' AND grantee.id = membership.organization
    WHERE membership.practitioner = asked AND only_study IS NULL
      AND membership.period_start < high AND membership.period_end > low AND membership.ended > low
    UNION
    SELECT grantee.grantee
    FROM grantee WHERE grantee.kind = 'practitioner' AND grantee.id = asked AND only_study IS NULL);
END
$$;

-- Of staff and of organizations' clients who were answered something of patients: the Consents that let them see data of these kinds, or
-- these types, of each. A version that ended in the second before counts where no later one allowed it, for the answer was made before
-- its record.
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
  asker AS MATERIALIZED (
    SELECT practitioner, organization, study, instant, audit_grantees(practitioner, organization, study, instant) AS grantees
    FROM (SELECT DISTINCT practitioner, organization, study, instant FROM entry) AS distinct_asker
  )
  INSERT INTO audit_consent (record, recorded, patient, consent, version, given_to)
  SELECT DISTINCT ON (entry.id, permit.consent_id)
    entry.id, entry.recorded, permit.patient_id, permit.consent_id, permit.version,
    coalesce('ResearchStudy/' || of_study.study_id, CASE grantee.kind WHEN 'organization' THEN 'Organization/' ELSE 'Practitioner/' END || grantee.id)
  FROM entry
  JOIN asker ON asker.practitioner IS NOT DISTINCT FROM entry.practitioner AND asker.organization IS NOT DISTINCT FROM entry.organization
    AND asker.study IS NOT DISTINCT FROM entry.study AND asker.instant = entry.instant
  JOIN then_permit AS permit ON permit.patient_id = ANY(entry.patients) AND permit.grantee = ANY(asker.grantees)
  JOIN grantee ON grantee.grantee = permit.grantee
  LEFT JOIN study_grantee AS of_study ON of_study.grantee = permit.grantee
  WHERE permit.consented AND permit.since <= entry.recorded AND permit.ended > entry.recorded - interval '1 second'
    AND permit.valid_from <= entry.recorded AND permit.valid_to > entry.recorded - interval '1 second'
    AND (permit.kind_id = ANY(entry.kinds) OR (entry.kinds IS NULL AND permit.device_id <> -1))
  ORDER BY entry.id, permit.consent_id, permit.version DESC
$$;
