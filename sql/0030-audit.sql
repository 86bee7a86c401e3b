-- Who did what: a row for each access to resources, each sign-in and each refused attempt. Rows are added and never changed.

-- An epoch begins where the database has been restored into another cluster, whose transactions are numbered anew.
CREATE TABLE audit_epoch (
  epoch   integer PRIMARY KEY,
  cluster bigint NOT NULL,
  began   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO audit_epoch (epoch, cluster) SELECT 1, system_identifier FROM pg_control_system();

-- xact: the transaction that added it, by which it is sealed once and once only. patient: as whom the caller acts. patients: compartments
-- of which something was answered or written, as they were numbered then. kinds: of the Observations among it.
CREATE TABLE audit_record (
  id           bigint GENERATED ALWAYS AS IDENTITY,
  epoch        integer NOT NULL,
  xact         xid8 NOT NULL DEFAULT pg_current_xact_id(),
  recorded     timestamptz NOT NULL DEFAULT clock_timestamp(),
  request      text,
  person       text COLLATE "C",
  practitioner text COLLATE "C",
  patient      text COLLATE "C",
  client       text COLLATE "C",
  study        text COLLATE "C",
  interaction  text NOT NULL,
  operation    text,
  type         text,
  resource     text COLLATE "C",
  patients     integer[] NOT NULL,
  kinds        integer[] NOT NULL,
  query        text,
  outcome      smallint NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX audit_record_xact ON audit_record (xact);

-- snapshot: the rows that it sees, and the seal before does not, are sealed by it, in the order of their ids. marks: the first eight bytes
-- of each row's digest, which tell later which row is not what it was. mac: of the head, by a key that is not in the database.
CREATE TABLE audit_seal (
  seal     bigint PRIMARY KEY,
  epoch    integer NOT NULL,
  snapshot pg_snapshot NOT NULL,
  sealed   timestamptz NOT NULL,
  ids      bigint[] NOT NULL,
  marks    bytea NOT NULL,
  head     bytea NOT NULL,
  key      text NOT NULL,
  mac      bytea NOT NULL
);

-- What is left of seals that have aged: the head of the last of them, from which the chain goes on.
CREATE TABLE audit_checkpoint (
  seal     bigint PRIMARY KEY,
  epoch    integer NOT NULL,
  snapshot pg_snapshot NOT NULL,
  head     bytea NOT NULL,
  rows     bigint NOT NULL,
  made     timestamptz NOT NULL,
  key      text NOT NULL,
  mac      bytea NOT NULL
);

-- The digest of a row is that of its fields, each with its length before it.
CREATE FUNCTION audit_field(value text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT coalesce(octet_length(value)::text || ':' || value, '-')
$$;
CREATE FUNCTION audit_digest(entry audit_record) RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
  SELECT sha256(convert_to(
    audit_field(entry.id::text) || audit_field(entry.epoch::text) || audit_field(entry.xact::text)
    || audit_field((extract(epoch FROM entry.recorded) * 1000000)::bigint::text)
    || audit_field(entry.request) || audit_field(entry.person) || audit_field(entry.practitioner) || audit_field(entry.patient)
    || audit_field(entry.client) || audit_field(entry.study) || audit_field(entry.interaction) || audit_field(entry.operation)
    || audit_field(entry.type) || audit_field(entry.resource) || audit_field(entry.patients::text) || audit_field(entry.kinds::text)
    || audit_field(entry.query) || audit_field(entry.outcome::text), 'UTF8'))
$$;

-- What is recorded stays, whoever is connected: only what is older than six years goes, behind a checkpoint of the same transaction.
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_enough boolean := false;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF TG_TABLE_NAME = 'audit_record' THEN old_enough := OLD.recorded < now() - interval '6 years'; END IF;
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
  FOREACH name IN ARRAY ARRAY['audit_record', 'audit_seal', 'audit_checkpoint', 'audit_epoch'] LOOP
    EXECUTE format('CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION keep_audit()', name);
    EXECUTE format('CREATE TRIGGER keep_all BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()', name);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC, CURRENT_USER', name);
  END LOOP;
END $$;
