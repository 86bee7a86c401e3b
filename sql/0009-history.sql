-- What changed last, of a type and of all: each table read backwards from the newest, current rows and superseded ones alike.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT table_name FROM resource_type LOOP
    EXECUTE format('CREATE INDEX %1$I ON %2$I (last_updated, pk)', name || '_last_updated', name);
    EXECUTE format('CREATE INDEX %1$I ON %2$I (last_updated, pk, version)', name || '_history_last_updated', name || '_history');
  END LOOP;
END $$;

-- The few deletions among many versions.
CREATE INDEX observation_history_deletion ON observation_history (patient_id, pk) WHERE method = 'DELETE';
