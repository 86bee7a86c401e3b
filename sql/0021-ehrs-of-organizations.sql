-- Several organizations may each be set up at one EHR: a configuration is known by an id, which stands in the addresses that
-- the EHR is given.

ALTER TABLE smart_client_config
  ADD COLUMN id      text COLLATE "C" NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
  ADD COLUMN made_at timestamptz NOT NULL DEFAULT now(),
  DROP CONSTRAINT smart_client_config_pkey,
  ADD PRIMARY KEY (id),
  ADD UNIQUE (issuer, organization);
CREATE INDEX smart_client_config_organization ON smart_client_config (organization);

-- What is under way began at an address that is there no more. config: id of the configuration.
DELETE FROM ehr_launch;
DELETE FROM ehr_arrival;
DELETE FROM user_session WHERE frame IS NOT NULL;
ALTER TABLE ehr_launch RENAME COLUMN issuer TO config;
ALTER TABLE ehr_arrival RENAME COLUMN issuer TO config;
