-- EHRs that launch us: we are their SMART client.

-- issuer: FHIR base of the EHR, without a slash at the end. authentication: none, secret or private_key_jwt.
-- secret: sealed by SECRET_KEY. Shared with all organizations below its own.
CREATE TABLE smart_client_config (
  issuer         text COLLATE "C" PRIMARY KEY,
  organization   text COLLATE "C" NOT NULL,
  client_id      text NOT NULL,
  authentication text NOT NULL,
  secret         text,
  scope          text NOT NULL,
  requires_nonce boolean NOT NULL,
  enabled        boolean NOT NULL,
  changed_at     timestamptz NOT NULL DEFAULT now()
);

-- Between being sent to the EHR and coming back: good once, in the browser that began it. metadata: what the EHR said of itself.
CREATE TABLE ehr_launch (
  state_hash   bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  issuer       text COLLATE "C" NOT NULL,
  metadata     jsonb NOT NULL,
  expires_at   timestamptz NOT NULL
);

-- Who came from an EHR, and for which patient, until that is saved or thrown away. arrived: sealed by SECRET_KEY.
CREATE TABLE ehr_arrival (
  hash         bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  issuer       text COLLATE "C" NOT NULL,
  arrived      text NOT NULL,
  expires_at   timestamptz NOT NULL
);

-- Private keys by which we authenticate to EHRs, sealed by SECRET_KEY: one of each algorithm.
CREATE TABLE ehr_key (
  alg     text COLLATE "C" PRIMARY KEY,
  sealed  text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
