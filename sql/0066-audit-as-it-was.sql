-- Up to which seal, with which head, the key vouches for the seals of keys before it, which it cannot check. start: of the checkpoint from
-- which the chain began then; 0 where there was none. accepted: up to where whoever had the key took it as it stood; 0 where nobody did.
CREATE TABLE audit_attestation (
  key      text NOT NULL,
  seal     bigint NOT NULL,
  head     bytea NOT NULL,
  start    bigint NOT NULL,
  accepted bigint NOT NULL,
  made     timestamptz NOT NULL DEFAULT now(),
  mac      bytea PRIMARY KEY
);
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit_attestation FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit_attestation FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
DO $$
BEGIN
  EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_attestation FROM PUBLIC, CURRENT_USER';
END $$;
