-- Through whom consents reach a practitioner, and when: written with what it follows from, so that a statement that asks who may see what
-- looks it up in one index. It was asked anew of five tables in each statement, half of what the gate took.

-- What it follows from, said once: studies in force by their staff or to members of the organization, organizations to their members, and the
-- practitioner's own name. study_id: of which study; NULL where it is of none.
CREATE VIEW grantee_reach AS
  SELECT practitioner, grantee, study_id, period_start, period_end
  FROM (
    SELECT staff.practitioner, reached.grantee, study.id AS study_id,
      greatest(staff.period_start, study.period_start) AS period_start, least(staff.period_end, study.period_end) AS period_end
    FROM study_staff AS staff
    JOIN study ON study.id = staff.study_id AND study.in_force
    JOIN study_grantee AS reached ON reached.study_id = study.id
      AND (reached.grantee = study.grantee OR reached.practitioner = staff.practitioner)
    UNION
    -- What was given to the study's organization reaches its staff while they work in it.
    SELECT staff.practitioner, reached.grantee, study.id,
      greatest(staff.period_start, study.period_start, membership.period_start),
      least(staff.period_end, study.period_end, membership.period_end)
    FROM study_staff AS staff
    JOIN study ON study.id = staff.study_id AND study.in_force
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL AND reached.grantee <> study.grantee
    JOIN organization_ancestor AS tree ON tree.ancestor = study.organization
    JOIN membership ON membership.organization = tree.organization AND membership.practitioner = staff.practitioner
    UNION
    SELECT membership.practitioner, reached.grantee, study.id,
      greatest(membership.period_start, study.period_start), least(membership.period_end, study.period_end)
    FROM membership
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    JOIN study ON study.organization = tree.ancestor AND study.access = 'organization' AND study.in_force
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
    UNION
    SELECT membership.practitioner, grantee.grantee, NULL, membership.period_start, membership.period_end
    FROM membership
    JOIN grantee ON grantee.kind = 'organization' AND grantee.id = membership.organization
    UNION
    SELECT id, grantee, NULL, '-infinity', 'infinity' FROM grantee WHERE kind = 'practitioner') AS reach
  WHERE period_start < period_end;

CREATE TABLE practitioner_grantee (
  practitioner text COLLATE "C" NOT NULL,
  grantee      integer NOT NULL,
  study_id     text COLLATE "C",
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL,
  PRIMARY KEY (practitioner, grantee, period_start, period_end)
);
INSERT INTO practitioner_grantee SELECT * FROM grantee_reach;

-- After a statement on one of those tables: the rows of the practitioners whom it concerns are made to say the same again. The argument asks
-- for them of the rows as they were and are. Of two transactions the later waits for the earlier, and then sees what that has written: neither
-- could know alone.
CREATE FUNCTION follow_grantee_reach() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed text := CASE TG_OP WHEN 'UPDATE' THEN '(SELECT * FROM row_before UNION ALL SELECT * FROM row_now)' ELSE 'row_now' END;
  is_any boolean;
  concerned text[];
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s AS changed)', changed) INTO is_any;
  IF NOT is_any THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('practitioner_grantee', 0));
  EXECUTE format('SELECT array_agg(DISTINCT practitioner) FROM (' || TG_ARGV[0] || ') AS concerned', changed) INTO concerned;
  DELETE FROM practitioner_grantee AS kept
  WHERE practitioner = ANY (concerned)
    AND NOT EXISTS (
      SELECT FROM grantee_reach AS reach
      WHERE reach.practitioner = kept.practitioner AND reach.grantee = kept.grantee
        AND reach.period_start = kept.period_start AND reach.period_end = kept.period_end);
  INSERT INTO practitioner_grantee SELECT * FROM grantee_reach WHERE practitioner = ANY (concerned) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
DO $$
DECLARE
  of_studies text := 'SELECT practitioner FROM study_staff WHERE study_id IN (SELECT %1$s FROM %%1$s AS changed)
    UNION ALL
    SELECT membership.practitioner FROM membership
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    WHERE tree.ancestor IN (SELECT %2$s)';
  source record;
BEGIN
  FOR source IN SELECT * FROM (VALUES
    ('study_staff', 'SELECT practitioner FROM %1$s AS changed'),
    ('membership', 'SELECT practitioner FROM %1$s AS changed'),
    ('organization_ancestor',
      'SELECT membership.practitioner FROM %1$s AS changed JOIN membership ON membership.organization = changed.organization'),
    ('study', format(of_studies, 'id', 'changed.organization FROM %1$s AS changed')),
    ('study_grantee',
      format(of_studies, 'study_id', 'study.organization FROM %1$s AS changed JOIN study ON study.id = changed.study_id')),
    ('grantee',
      'SELECT id AS practitioner FROM %1$s AS changed WHERE kind = ''practitioner''
        UNION ALL
        SELECT membership.practitioner FROM %1$s AS changed
        JOIN membership ON membership.organization = changed.id WHERE changed.kind = ''organization''')
  ) AS sources(name, concerned) LOOP
    EXECUTE format('CREATE TRIGGER follow_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_grantee_reach(%L)', source.name, source.concerned);
    EXECUTE format('CREATE TRIGGER follow_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS row_before NEW TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_grantee_reach(%L)', source.name, source.concerned);
    EXECUTE format('CREATE TRIGGER follow_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_grantee_reach(%L)', source.name, source.concerned);
  END LOOP;
END $$;

DROP FUNCTION practitioner_grantees(text, text);

-- The sealer asks for the same as it was then: of these rows, not of all that they follow from.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['study_staff', 'membership', 'organization_ancestor'] LOOP
    EXECUTE format('DROP TRIGGER note_ended ON %I', name);
  END LOOP;
END $$;
CREATE TRIGGER note_ended AFTER UPDATE OR DELETE ON practitioner_grantee FOR EACH ROW EXECUTE FUNCTION note_ended();
CREATE VIEW then_practitioner_grantee AS
  SELECT practitioner_grantee.*, 'infinity'::timestamptz AS ended FROM practitioner_grantee
  UNION ALL
  SELECT past.*, audit_ended.ended FROM audit_ended, jsonb_populate_record(NULL::practitioner_grantee, audit_ended.row) AS past
  WHERE audit_ended.source = 'practitioner_grantee';

-- Through whom consents reached a practitioner, or the clients of an organization, in the second that begins then, or in the one before.
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
    SELECT DISTINCT grantee FROM then_practitioner_grantee
    WHERE practitioner = asked AND period_start < high AND period_end > low AND ended > low
      AND (only_study IS NULL OR study_id = only_study));
END
$$;
DROP VIEW then_study_staff, then_membership, then_organization_ancestor;

-- Whether consents to these grantees cover all that an Observation tells: it and what it was derived from, in all their kinds.
CREATE FUNCTION wholly_covered(
  grantees integer[], action text, of_patient integer, of_kind integer, of_device integer,
  lasts_from timestamptz, lasts_to timestamptz, stored timestamptz, sources bigint[]
) RETURNS boolean STABLE PARALLEL SAFE COST 2000 LANGUAGE plpgsql AS $$
BEGIN
  RETURN kinds_covered(grantees, action, of_patient, of_kind, of_device, lasts_from, lasts_to, stored)
    AND sources_covered(grantees, action, of_patient, sources);
END
$$;
