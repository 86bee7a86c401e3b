-- What a study has written makes the rows of that study alone say the same again. Those of all who work in its organization were made anew, of
-- all its studies, four times for each study that was made: the more studies there were, the longer it took.
CREATE INDEX practitioner_grantee_study ON practitioner_grantee (study_id) WHERE study_id IS NOT NULL;

-- The argument names the column that tells the study.
CREATE FUNCTION follow_study_reach() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed text := CASE TG_OP WHEN 'UPDATE' THEN '(SELECT * FROM row_before UNION ALL SELECT * FROM row_now)' ELSE 'row_now' END;
  concerned text[];
BEGIN
  EXECUTE format('SELECT array_agg(DISTINCT %I) FROM %s AS changed', TG_ARGV[0], changed) INTO concerned;
  IF concerned IS NULL THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('practitioner_grantee', 0));
  WITH reach AS MATERIALIZED (SELECT * FROM grantee_reach WHERE study_id = ANY (concerned)),
  ended AS (
    DELETE FROM practitioner_grantee AS kept
    WHERE study_id = ANY (concerned)
      AND NOT EXISTS (
        SELECT FROM reach
        WHERE reach.practitioner = kept.practitioner AND reach.grantee = kept.grantee
          AND reach.period_start = kept.period_start AND reach.period_end = kept.period_end))
  INSERT INTO practitioner_grantee SELECT * FROM reach ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;

-- Those of practitioners, as before, but for what concerns nobody: a number for a study.
CREATE OR REPLACE FUNCTION follow_grantee_reach() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed text := CASE TG_OP WHEN 'UPDATE' THEN '(SELECT * FROM row_before UNION ALL SELECT * FROM row_now)' ELSE 'row_now' END;
  is_any boolean;
  concerned text[];
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s AS changed)', changed) INTO is_any;
  IF NOT is_any THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('practitioner_grantee', 0));
  EXECUTE format('SELECT array_agg(DISTINCT practitioner) FROM (' || TG_ARGV[0] || ') AS concerned', changed) INTO concerned;
  IF concerned IS NULL THEN RETURN NULL; END IF;
  WITH reach AS MATERIALIZED (SELECT * FROM grantee_reach WHERE practitioner = ANY (concerned)),
  ended AS (
    DELETE FROM practitioner_grantee AS kept
    WHERE practitioner = ANY (concerned)
      AND NOT EXISTS (
        SELECT FROM reach
        WHERE reach.practitioner = kept.practitioner AND reach.grantee = kept.grantee
          AND reach.period_start = kept.period_start AND reach.period_end = kept.period_end))
  INSERT INTO practitioner_grantee SELECT * FROM reach ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;

DO $$
DECLARE
  source record;
BEGIN
  FOR source IN SELECT * FROM (VALUES ('study', 'id'), ('study_staff', 'study_id'), ('study_grantee', 'study_id')) AS sources(name, study) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER follow_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_study_reach(%L)', source.name, source.study);
    EXECUTE format('CREATE OR REPLACE TRIGGER follow_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS row_before NEW TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_study_reach(%L)', source.name, source.study);
    EXECUTE format('CREATE OR REPLACE TRIGGER follow_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS row_now
      FOR EACH STATEMENT EXECUTE FUNCTION follow_study_reach(%L)', source.name, source.study);
  END LOOP;
END $$;
