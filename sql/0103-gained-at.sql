-- Since when a client has had what it may do, so that patients who have signed are told which services came to read for a study afterwards, and
-- what those that were there already have gained. Of earlier times only the registration is known.
ALTER TABLE client ADD COLUMN gained_at timestamptz NOT NULL DEFAULT now();
UPDATE client SET gained_at = registered_at;

CREATE FUNCTION note_gained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.gained_at := now();
  RETURN NEW;
END
$$;
-- A scope that only loses some of its words is no gain.
CREATE TRIGGER note_gained BEFORE UPDATE OF organization, scope, registration, disabled_at ON client FOR EACH ROW
  WHEN (
    OLD.organization IS DISTINCT FROM NEW.organization
    OR NOT string_to_array(NEW.scope, ' ') <@ string_to_array(OLD.scope, ' ')
    OR (NEW.registration -> 'grant_types' ? 'client_credentials' AND (OLD.registration -> 'grant_types' ? 'client_credentials') IS NOT TRUE)
    OR (OLD.disabled_at IS NOT NULL AND NEW.disabled_at IS NULL))
  EXECUTE FUNCTION note_gained();

-- NULL for tokens of earlier times.
ALTER TABLE token ADD COLUMN made_at timestamptz;
ALTER TABLE token ALTER COLUMN made_at SET DEFAULT now();
