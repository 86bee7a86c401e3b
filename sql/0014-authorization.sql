-- The authorization server: what apps are registered, what people have granted them, and what is only good for a moment.
-- Secrets, codes and tokens lie here as hashes alone.

-- registration: metadata of an OAuth client (RFC 7591), without its secret; NULL for one that has only tokens of the command
-- line. scope: what it may have of user/ and system/ scopes. self_registered: nobody has approved it.
ALTER TABLE client
  ADD COLUMN registration    jsonb,
  ADD COLUMN secret_hash     bytea,
  ADD COLUMN scope           text NOT NULL DEFAULT '',
  ADD COLUMN self_registered boolean NOT NULL DEFAULT FALSE,
  ADD COLUMN registered_at   timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN disabled_at     timestamptz;

-- issued: what an introspection says of the token beside the rest; NULL for one of the command line.
ALTER TABLE token ADD COLUMN issued jsonb;
CREATE INDEX token_client ON token (client_id);

-- What a person has granted an app. session: of the sign-in, where the grant lasts only as long as that.
CREATE TABLE authorization_grant (
  id         text COLLATE "C" PRIMARY KEY,
  person_id  text COLLATE "C" NOT NULL,
  client_id  text COLLATE "C" NOT NULL,
  scope      text NOT NULL,
  patient_id text COLLATE "C",
  context    jsonb NOT NULL DEFAULT '{}',
  session    text COLLATE "C",
  granted_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX authorization_grant_person ON authorization_grant (person_id);
CREATE INDEX authorization_grant_client ON authorization_grant (client_id);

-- Codes, refresh tokens, interactions and used assertions. hash: SHA-256 of what its holder shows.
CREATE TABLE authorization_record (
  kind        text NOT NULL,
  hash        bytea NOT NULL,
  payload     jsonb NOT NULL,
  grant_id    text COLLATE "C",
  expires_at  timestamptz NOT NULL,
  consumed_at timestamptz,
  PRIMARY KEY (kind, hash)
);
CREATE INDEX authorization_record_grant ON authorization_record (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX authorization_record_expires_at ON authorization_record (expires_at);

-- An app that was opened from one of our pages, for the person who opened it: good once.
CREATE TABLE launch (
  hash       bytea PRIMARY KEY,
  person_id  text COLLATE "C" NOT NULL,
  client_id  text COLLATE "C" NOT NULL,
  context    jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);

-- Private keys, sealed by SECRET_KEY. The newest signs; the others are published as well.
CREATE TABLE signing_key (
  kid     text COLLATE "C" PRIMARY KEY,
  sealed  text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
