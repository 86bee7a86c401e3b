-- What is written as AuditEvents stands in a table that takes changes: each leaves a row of the record, which is sealed with the rest and shown to
-- nobody beside the AuditEvent itself. written: its version, the patient's number then, and the digest of all that decides what it says and who is
-- told it; of one that was deleted the version after its last, and nothing else.
ALTER TABLE audit_record ADD written text;
CREATE INDEX audit_record_written ON audit_record (resource) WHERE written IS NOT NULL;

CREATE OR REPLACE FUNCTION audit_digest(entry audit_record) RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT sha256(convert_to(
    audit_field(entry.id::text) || audit_field(entry.epoch::text) || audit_field(entry.xact::text)
    || audit_field((extract(epoch FROM entry.recorded) * 1000000)::bigint::text)
    || audit_field(entry.request) || audit_field(entry.person) || audit_field(entry.practitioner) || audit_field(entry.patient)
    || audit_field(entry.client) || audit_field(entry.study) || audit_field(entry.interaction) || audit_field(entry.operation)
    || audit_field(entry.type) || audit_field(entry.resource) || audit_field(entry.patients::text) || audit_field(entry.kinds::text)
    || audit_field(entry.query) || audit_field(entry.outcome::text)
    || CASE WHEN entry.kinds_of IS NULL THEN '' ELSE audit_field('kinds_of ' || entry.kinds_of::text) END
    || CASE WHEN entry.written IS NULL THEN '' ELSE audit_field('written ' || entry.written) END, 'UTF8'))
$$;

CREATE FUNCTION note_written_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  done text := CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END;
  said audit_event;
BEGIN
  IF TG_OP = 'DELETE' THEN said := OLD; ELSE said := NEW; END IF;
  INSERT INTO audit_record (epoch, interaction, type, resource, patients, kinds, outcome, written)
  SELECT max(epoch), done, 'AuditEvent', said.id, '{}', '{}', 200, CASE TG_OP
    WHEN 'DELETE' THEN (said.version + 1)::text
    ELSE concat_ws(' ', said.version, said.patient_id, encode(sha256(convert_to(
      audit_field(said.id) || audit_field((extract(epoch FROM said.last_updated) * 1000000)::bigint::text)
      || audit_field(said.owner) || audit_field(said.author::text) || audit_field(said.content::text), 'UTF8')), 'hex')) END
  FROM audit_epoch;
  RETURN NULL;
END
$$;
-- Neither where compartments are joined nor where all is indexed anew.
CREATE TRIGGER note_written AFTER INSERT OR DELETE OR UPDATE OF id, version, last_updated, owner, author, content ON audit_event
  FOR EACH ROW EXECUTE FUNCTION note_written_event();

-- The number that a patient has now, whatever it was before compartments were joined. Nobody has kept one that was joined into another: a joining
-- that says so of a number that somebody has was none.
CREATE INDEX compartment_joining_later ON compartment_joining (later, earlier) WHERE earlier <> later;
CREATE FUNCTION audit_number_now(number integer) RETURNS integer STABLE LANGUAGE sql AS $$
  WITH RECURSIVE became(number) AS (
    SELECT audit_number_now.number
    UNION
    SELECT joining.earlier FROM became
    JOIN compartment_joining AS joining ON joining.later = became.number AND joining.earlier <> joining.later
    WHERE NOT EXISTS (SELECT FROM patient_compartment AS kept WHERE kept.patient_id = joining.later))
  SELECT min(became.number) FROM became
$$;
