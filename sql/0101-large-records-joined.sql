-- A large record moves in parts, while others go on writing; join_compartments moves what is left once nobody writes.

-- When an Observation was first stored, under whichever of the numbers it stands; a deleted one counts as the youngest of all.
CREATE FUNCTION observation_first_stored(numbers integer[], of_pk bigint) RETURNS timestamptz STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM observation WHERE patient_id = ANY (numbers) AND pk = of_pk) THEN least(
    (SELECT last_updated FROM observation WHERE patient_id = ANY (numbers) AND pk = of_pk),
    (SELECT min(last_updated) FROM observation_history WHERE patient_id = ANY (numbers) AND pk = of_pk))
  ELSE 'infinity' END
$$;

-- The same document uploaded for both: the older Observation keeps the key, and both stay. Of the later number's keys after the first, up to the last.
CREATE FUNCTION settle_upload_keys(earlier integer, later integer, after_kind smallint, after_key uuid, last_kind smallint, last_key uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  numbers CONSTANT integer[] := ARRAY[earlier, later];
  met record;
BEGIN
  -- One by one: whatever PostgreSQL remembers of how many keys there were, few of them are in both.
  FOR met IN
    SELECT two.kind, two.key, one.pk AS of_earlier, two.pk AS of_later
    FROM upload_key AS two
    CROSS JOIN LATERAL (
      SELECT pk FROM upload_key AS other
      WHERE other.patient_id = earlier AND other.kind = two.kind AND other.key = two.key LIMIT 1) AS one
    WHERE two.patient_id = later AND (two.kind, two.key) > (after_kind, after_key) AND (two.kind, two.key) <= (last_kind, last_key)
  LOOP
    DELETE FROM upload_key
    WHERE kind = met.kind AND key = met.key AND patient_id = CASE
      WHEN (observation_first_stored(numbers, met.of_earlier), met.of_earlier) <= (observation_first_stored(numbers, met.of_later), met.of_later)
      THEN later ELSE earlier END;
  END LOOP;
END
$$;

-- The types of which more resources stand under a number. Not those that a joining itself looks at: these move once nobody writes.
CREATE FUNCTION types_of_many(number integer, many integer) RETURNS SETOF smallint LANGUAGE plpgsql AS $$
DECLARE
  of_type record;
  is_many boolean;
BEGIN
  FOR of_type IN SELECT * FROM resource_type WHERE name NOT IN ('Consent', 'Device', 'Patient', 'ResearchSubject') ORDER BY type_id LOOP
    EXECUTE format('
      SELECT EXISTS (SELECT FROM %1$I WHERE patient_id = $1 OFFSET $2) OR EXISTS (SELECT FROM %2$I WHERE patient_id = $1 OFFSET $2)',
      of_type.table_name, of_type.table_name || '_history')
    INTO is_many USING number, many;
    IF is_many THEN RETURN NEXT of_type.type_id; END IF;
  END LOOP;
END
$$;

-- Moves the next resources of a type, with their histories and the rows beside them. What has no index by patient is found by their keys. Answers the
-- last of them, null if there were none. Whoever changes a resource has locked its identity, and is waited for: the statements after that see
-- everything that they wrote.
CREATE FUNCTION move_resources(earlier integer, later integer, of_type smallint, after bigint, most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  main CONSTANT text := (SELECT table_name FROM resource_type WHERE type_id = of_type);
  past CONSTANT text := main || '_history';
  pks bigint[];
  ids text[];
  beside text;
BEGIN
  EXECUTE format('
    SELECT array_agg(pk) FROM (
      (SELECT pk FROM %1$I WHERE patient_id = $1 AND pk > $2 ORDER BY pk LIMIT $3)
      UNION
      (SELECT DISTINCT pk FROM %2$I WHERE patient_id = $1 AND pk > $2 ORDER BY pk LIMIT $3)
      ORDER BY pk LIMIT $3) AS part', main, past)
  INTO pks USING later, after, most;
  IF pks IS NULL THEN RETURN NULL; END IF;
  EXECUTE format('
    SELECT array_agg(id) FROM (
      SELECT id FROM %1$I WHERE patient_id = $1 AND pk = ANY ($2)
      UNION
      SELECT content ->> ''id'' FROM %2$I WHERE patient_id = $1 AND pk = ANY ($2)) AS part', main, past)
  INTO ids USING later, pks;
  PERFORM FROM resource_identity WHERE type_id = of_type AND id = ANY (ids) ORDER BY id FOR UPDATE;
  UPDATE resource_identity SET patient_id = earlier WHERE type_id = of_type AND id = ANY (ids) AND patient_id = later;
  FOREACH beside IN ARRAY ARRAY[main, past, 'index_string', 'index_date', 'index_number', 'full_text'] LOOP
    EXECUTE format('UPDATE %I SET patient_id = $1 WHERE patient_id = $2 AND pk = ANY ($3)', beside) USING earlier, later, pks;
  END LOOP;
  IF main = 'observation' THEN
    FOREACH beside IN ARRAY ARRAY['observation_code', 'derived_from', 'derived_awaited', 'sampled', 'upload_revision'] LOOP
      EXECUTE format('UPDATE %I SET patient_id = $1 WHERE patient_id = $2 AND pk = ANY ($3)', beside) USING earlier, later, pks;
    END LOOP;
    UPDATE upload_target SET patient_id = earlier WHERE patient_id = later AND observation = ANY (pks);
  END IF;
  RETURN pks[array_upper(pks, 1)];
END
$$;

-- Moves the next keys of uploads. What somebody else is just storing for the earlier number is left for the end.
CREATE FUNCTION move_upload_keys(earlier integer, later integer, INOUT after_kind smallint, INOUT after_key uuid, most integer) LANGUAGE plpgsql AS $$
DECLARE
  last_kind smallint;
  last_key uuid;
BEGIN
  SELECT kind, key INTO last_kind, last_key FROM (
    SELECT kind, key FROM upload_key WHERE patient_id = later AND (kind, key) > (after_kind, after_key)
    ORDER BY kind, key LIMIT most) AS part
  ORDER BY kind DESC, key DESC LIMIT 1;
  IF last_kind IS NOT NULL THEN
    PERFORM settle_upload_keys(earlier, later, after_kind, after_key, last_kind, last_key);
    BEGIN
      UPDATE upload_key SET patient_id = earlier
      WHERE patient_id = later AND (kind, key) > (after_kind, after_key) AND (kind, key) <= (last_kind, last_key);
    EXCEPTION WHEN unique_violation THEN
    END;
  END IF;
  after_kind := last_kind;
  after_key := last_key;
END
$$;

-- Moves the next records of who has seen what.
CREATE FUNCTION move_audit_shown(earlier integer, later integer, INOUT after_recorded timestamptz, INOUT after_pk bigint, most integer)
LANGUAGE plpgsql AS $$
DECLARE
  last_recorded timestamptz;
  last_pk bigint;
BEGIN
  SELECT recorded, pk INTO last_recorded, last_pk FROM (
    SELECT recorded, pk FROM audit_shown WHERE patient_id = later AND (recorded, pk) > (after_recorded, after_pk)
    ORDER BY recorded, pk LIMIT most) AS part
  ORDER BY recorded DESC, pk DESC LIMIT 1;
  UPDATE audit_shown SET patient_id = earlier
  WHERE patient_id = later AND (recorded, pk) > (after_recorded, after_pk) AND (recorded, pk) <= (last_recorded, last_pk);
  after_recorded := last_recorded;
  after_pk := last_pk;
END
$$;

-- The tables whose rows belong to patients by number. by_key: moved with the resources that they belong to.
CREATE OR REPLACE VIEW patient_table AS
  SELECT class.relname AS name,
    class.relname IN ('index_string', 'index_date', 'index_number', 'full_text', 'resource_identity') OR EXISTS (
      SELECT FROM resource_type WHERE class.relname IN (table_name, table_name || '_history')) AS by_key,
    EXISTS (
      SELECT FROM pg_attribute AS key
      WHERE key.attrelid = class.oid AND key.attname = 'pk' AND NOT key.attisdropped) AS has_pk
  FROM pg_class AS class
  JOIN pg_attribute AS number ON number.attrelid = class.oid AND number.attname = 'patient_id'
    AND number.atttypid = 'integer'::regtype AND NOT number.attisdropped
  WHERE class.relkind IN ('r', 'p') AND class.relnamespace = current_schema()::regnamespace
    AND class.relname <> 'patient_compartment';

-- Moves all rows of the later number to the earlier, in every table that has a patient_id. Nobody may be writing meanwhile.
CREATE OR REPLACE FUNCTION join_compartments(earlier integer, later integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  shared bigint[];
  alone bigint[];
  of_type smallint;
  last bigint;
  other record;
BEGIN
  PERFORM settle_upload_keys(earlier, later,
    0::smallint, '00000000-0000-0000-0000-000000000000', 32767::smallint, 'ffffffff-ffff-ffff-ffff-ffffffffffff');

  shared := ARRAY(
    SELECT one.pk FROM compartment AS one JOIN compartment AS two ON two.patient_id = later AND two.pk = one.pk
    WHERE one.patient_id = earlier);
  DELETE FROM compartment WHERE patient_id = later AND pk = ANY (shared);

  FOR of_type IN SELECT type_id FROM resource_type ORDER BY type_id LOOP
    last := 0;
    WHILE last IS NOT NULL LOOP
      last := move_resources(earlier, later, of_type, last, 1000);
    END LOOP;
  END LOOP;
  FOR other IN SELECT * FROM patient_table WHERE NOT by_key LOOP
    EXECUTE format('UPDATE %I SET patient_id = $1 WHERE patient_id = $2', other.name) USING earlier, later;
  END LOOP;

  -- What stood in the compartments of these two alone is now one patient's.
  alone := ARRAY(SELECT pk FROM compartment WHERE pk = ANY (shared) GROUP BY pk HAVING count(*) = 1);
  IF cardinality(alone) > 0 THEN
    DELETE FROM compartment WHERE pk = ANY (alone);
    FOR other IN SELECT * FROM patient_table WHERE has_pk LOOP
      EXECUTE format('UPDATE %I SET patient_id = $1 WHERE patient_id = 0 AND pk = ANY ($2)', other.name)
      USING earlier, alone;
    END LOOP;
  END IF;

  UPDATE patient_compartment SET patient_id = earlier WHERE patient_id = later;
  INSERT INTO compartment_joining (earlier, later) VALUES (earlier, later);
END
$$;
DROP FUNCTION observation_stored(integer, bigint);
