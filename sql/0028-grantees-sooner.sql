-- The same answers as before, sooner: each statement of a practitioner asks for them once, and they were a third of what the gate takes.

-- Through whom consents reach a practitioner now: studies in force, organizations, the practitioner's own name. One may stand there twice.
CREATE OR REPLACE FUNCTION practitioner_grantees(asked text, only_study text) RETURNS integer[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT study.grantee
    FROM study_staff AS staff
    JOIN study ON study.id = staff.study_id
    WHERE staff.practitioner = asked AND now() >= staff.period_start AND now() < staff.period_end
      AND study.in_force AND now() >= study.period_start AND now() < study.period_end
      AND (only_study IS NULL OR study.id = only_study)
    UNION ALL
    SELECT study.grantee
    FROM membership
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    JOIN study ON study.organization = tree.ancestor AND study.access = 'organization'
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

-- The organizations in which a practitioner has at least that rank now, or is privacy officer where no rank is named;
-- reach: those themselves (node), all below and they (down), or all above and they (up).
CREATE OR REPLACE FUNCTION reached_organizations(asked text, lowest integer, reach text) RETURNS text[]
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
  held text[];
BEGIN
  IF lowest IS NULL THEN
    held := ARRAY(
      SELECT organization FROM privacy_officer
      WHERE practitioner = asked AND now() >= period_start AND now() < period_end);
  ELSE
    held := ARRAY(
      SELECT organization FROM membership
      WHERE practitioner = asked AND rank >= lowest AND now() >= period_start AND now() < period_end);
  END IF;
  IF reach = 'down' THEN
    RETURN ARRAY(SELECT organization FROM organization_ancestor WHERE ancestor = ANY (held));
  ELSIF reach = 'up' THEN
    RETURN ARRAY(SELECT ancestor FROM organization_ancestor WHERE organization = ANY (held));
  END IF;
  RETURN held;
END
$$;
