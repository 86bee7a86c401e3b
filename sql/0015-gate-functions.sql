-- What the gate asks of people, organizations, studies and consents. Functions keep their own plan: a statement that names
-- them has a fraction of the tables to plan for, and what does not depend on a row is asked once a statement.

-- The studies of which a practitioner, or an organization's client, has at least that rank now.
CREATE FUNCTION handled_studies(asked_kind text, asked text, only_study text, lowest integer) RETURNS text[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF asked_kind = 'practitioner' THEN
    RETURN ARRAY(
      SELECT study_id FROM practitioner_study
      WHERE practitioner = asked AND rank >= lowest AND (only_study IS NULL OR study_id = only_study));
  END IF;
  RETURN ARRAY(
    SELECT study_id FROM organization_study
    WHERE organization = asked AND rank >= lowest AND (only_study IS NULL OR study_id = only_study));
END
$$;

-- The organizations in which a practitioner has at least that rank now, or is privacy officer where no rank is named;
-- reach: those themselves (node), all below and they (down), or all above and they (up).
CREATE FUNCTION reached_organizations(asked text, lowest integer, reach text) RETURNS text[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  held text[] := CASE WHEN lowest IS NULL THEN ARRAY(
    SELECT organization FROM privacy_officer
    WHERE practitioner = asked AND now() >= period_start AND now() < period_end)
  ELSE ARRAY(
    SELECT organization FROM membership
    WHERE practitioner = asked AND rank >= lowest AND now() >= period_start AND now() < period_end) END;
BEGIN
  RETURN CASE reach
    WHEN 'down' THEN ARRAY(SELECT organization FROM organization_ancestor WHERE ancestor = ANY (held))
    WHEN 'up' THEN ARRAY(SELECT ancestor FROM organization_ancestor WHERE organization = ANY (held))
    ELSE held END;
END
$$;

-- Whether a Patient of an identified study among these has accepted: once a Consent to the study is active, for no one else
-- can say so. Another record of the same human, which another organization keeps, has not accepted by that.
CREATE FUNCTION patient_accepted(of_patient integer, of_id text, studies text[]) RETURNS boolean
STABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM study
    JOIN enrolment ON enrolment.study_id = study.id
    JOIN study_group_observation_consents AS given
      ON given.patient_id = enrolment.patient_id AND given.grantee = study.grantee
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

-- Whether consents to these grantees cover an Observation in all its kinds: each from its source, for a time that holds all
-- of its own, and stored before the consent ended. Of no kind is not covered.
CREATE FUNCTION kinds_covered(
  grantees integer[], action text, of_patient integer, of_kind integer, of_device integer,
  lasts_from timestamptz, lasts_to timestamptz, stored timestamptz
) RETURNS boolean STABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce((
    SELECT bool_and(EXISTS (
      SELECT FROM study_group_observation_consents AS given
      WHERE given.grantee = ANY (grantees) AND strpos(given.scope_action, action) > 0
        AND given.consented AND now() >= given.valid_from AND now() < given.valid_to
        AND given.kind_id = needed.member_id AND given.patient_id = of_patient AND given.device_id IN (0, of_device)
        AND given.data_start <= lasts_from AND lasts_to <= given.data_end AND stored < given.stored_before))
    FROM kind_member AS needed WHERE needed.kind_id = of_kind), FALSE);
END
$$;

-- The same of the Observations with these keys, and of those they were derived from; one that is gone is not covered.
CREATE FUNCTION sources_covered(grantees integer[], action text, of_patient integer, own bigint[]) RETURNS boolean
STABLE PARALLEL SAFE COST 2000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN NOT EXISTS (
    WITH RECURSIVE sources(pk) AS (
      SELECT unnest(own)
      UNION
      SELECT derived_from.source_pk FROM sources
      JOIN derived_from ON derived_from.patient_id = of_patient AND derived_from.pk = sources.pk
    )
    SELECT FROM sources
    LEFT JOIN observation AS source ON source.patient_id = of_patient AND source.pk = sources.pk
    WHERE source.pk IS NULL OR NOT kinds_covered(grantees, action, of_patient, source.kind_id, source.device_id,
      source.effective_start, source.effective_end, source.last_updated));
END
$$;
