-- What is recorded is shown, and accounted for, by rows of its own: whoever could take these out would hide what the chain still has.
CREATE OR REPLACE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_enough boolean := false;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF TG_TABLE_NAME IN ('audit_record', 'audit_consent', 'audit_shown', 'audit_installation') THEN
      old_enough := OLD.recorded < now() - interval '6 years';
    END IF;
    IF TG_TABLE_NAME = 'audit_seal' THEN old_enough := OLD.sealed < now() - interval '6 years'; END IF;
    IF old_enough AND EXISTS (SELECT FROM audit_checkpoint WHERE made = now()) THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION 'what is recorded in % is neither changed nor removed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['audit_shown', 'audit_installation'] LOOP
    EXECUTE format('CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION keep_audit()', name);
    EXECUTE format('CREATE TRIGGER keep_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()', name);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC, CURRENT_USER', name);
  END LOOP;
END $$;
