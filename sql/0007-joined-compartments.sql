-- Two Patients that one account is linked to are one human: their compartments become one, under the number that was given first.

-- Every joining that there was. The highest number tells a server that what it remembers of patients is older than the last one.
CREATE TABLE compartment_joining (
  joining   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  earlier   integer NOT NULL,
  later     integer NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT now()
);

-- When an Observation was first stored; a deleted one counts as the youngest of all.
CREATE FUNCTION observation_stored(of_patient integer, of_pk bigint) RETURNS timestamptz STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM observation WHERE patient_id = of_patient AND pk = of_pk) THEN least(
    (SELECT last_updated FROM observation WHERE patient_id = of_patient AND pk = of_pk),
    (SELECT min(last_updated) FROM observation_history WHERE patient_id = of_patient AND pk = of_pk))
  ELSE 'infinity' END
$$;

-- Moves all rows of the later number to the earlier, in every table that has a patient_id. Nobody may be writing meanwhile.
CREATE FUNCTION join_compartments(earlier integer, later integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  shared bigint[];
  alone bigint[];
  of_type record;
  other record;
BEGIN
  -- The same document uploaded for both: the older Observation keeps the key, and both stay.
  DELETE FROM upload_key USING (
    SELECT one.kind, one.key,
      CASE WHEN (observation_stored(earlier, one.pk), one.pk) <= (observation_stored(later, two.pk), two.pk)
        THEN later ELSE earlier END AS loser
    FROM upload_key AS one
    JOIN upload_key AS two ON two.patient_id = later AND two.kind = one.kind AND two.key = one.key
    WHERE one.patient_id = earlier) AS met
  WHERE upload_key.patient_id = met.loser AND upload_key.kind = met.kind AND upload_key.key = met.key;

  shared := ARRAY(
    SELECT one.pk FROM compartment AS one JOIN compartment AS two ON two.patient_id = later AND two.pk = one.pk
    WHERE one.patient_id = earlier);
  DELETE FROM compartment WHERE patient_id = later AND pk = ANY (shared);

  -- What has no index by patient is found by the keys of the rows that move.
  FOR of_type IN SELECT * FROM resource_type ORDER BY type_id LOOP
    EXECUTE format('
      WITH moved AS (UPDATE %1$I SET patient_id = $1 WHERE patient_id = $2 RETURNING pk, id),
      past AS (UPDATE %2$I SET patient_id = $1 WHERE patient_id = $2 RETURNING content ->> ''id'' AS id),
      identity AS (
        UPDATE resource_identity AS identity SET patient_id = $1
        FROM (SELECT id FROM moved UNION SELECT id FROM past) AS known
        WHERE identity.type_id = $3 AND identity.id = known.id AND identity.patient_id = $2),
      strings AS (UPDATE index_string AS side SET patient_id = $1 FROM moved WHERE side.pk = moved.pk),
      dates AS (UPDATE index_date AS side SET patient_id = $1 FROM moved WHERE side.pk = moved.pk)
      UPDATE index_number AS side SET patient_id = $1 FROM moved WHERE side.pk = moved.pk',
      of_type.table_name, of_type.table_name || '_history')
    USING earlier, later, of_type.type_id;
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

-- The tables whose rows belong to patients by number. by_key: moved with the resources that they belong to.
CREATE VIEW patient_table AS
  SELECT class.relname AS name,
    class.relname IN ('index_string', 'index_date', 'index_number', 'resource_identity') OR EXISTS (
      SELECT FROM resource_type WHERE class.relname IN (table_name, table_name || '_history')) AS by_key,
    EXISTS (
      SELECT FROM pg_attribute AS key
      WHERE key.attrelid = class.oid AND key.attname = 'pk' AND NOT key.attisdropped) AS has_pk
  FROM pg_class AS class
  JOIN pg_attribute AS number ON number.attrelid = class.oid AND number.attname = 'patient_id'
    AND number.atttypid = 'integer'::regtype AND NOT number.attisdropped
  WHERE class.relkind IN ('r', 'p') AND class.relnamespace = current_schema()::regnamespace
    AND class.relname <> 'patient_compartment';
