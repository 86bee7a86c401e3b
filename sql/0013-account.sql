-- How people sign in. Whatever opens something (a session, a link of an e-mail, a recovery code) is kept as its SHA-256.

-- password: Argon2id, as a PHC string; absent where none was chosen yet. verified_at: when whoever reads the address's mail said so.
-- authenticator: the sealed secret of an authenticator app; authenticator_step: the last of its codes that was used.
ALTER TABLE user_account
  ADD COLUMN password           text,
  ADD COLUMN verified_at        timestamptz,
  ADD COLUMN administrator      boolean NOT NULL DEFAULT false,
  ADD COLUMN authenticator      bytea,
  ADD COLUMN authenticator_step bigint NOT NULL DEFAULT 0;
CREATE TABLE recovery_code (
  person text COLLATE "C" NOT NULL,
  hash   bytea NOT NULL,
  PRIMARY KEY (person, hash)
);

-- methods: how they signed in, as https://www.rfc-editor.org/rfc/rfc8176 has it. device: what the browser says it is, in two words.
CREATE TABLE user_session (
  id         text COLLATE "C" PRIMARY KEY,
  hash       bytea NOT NULL UNIQUE,
  person     text COLLATE "C" NOT NULL,
  methods    text[] NOT NULL,
  device     text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX user_session_person ON user_session (person);

-- Between a right password and the second factor. authenticator: the sealed secret that is being set up.
CREATE TABLE sign_in_step (
  hash          bytea PRIMARY KEY,
  person        text COLLATE "C" NOT NULL,
  authenticator bytea,
  expires_at    timestamptz NOT NULL
);

-- A link that was sent or shown, and is of use once. person is absent where it makes an account. was_sent: to the address alone.
CREATE TABLE account_link (
  hash          bytea PRIMARY KEY,
  purpose       text NOT NULL,
  email         text COLLATE "C",
  person        text COLLATE "C",
  administrator boolean NOT NULL DEFAULT false,
  was_sent      boolean NOT NULL,
  expires_at    timestamptz NOT NULL
);
CREATE INDEX account_link_person ON account_link (person);

-- A new address, which whoever reads the old one and whoever reads the new one both have to confirm.
CREATE TABLE email_change (
  person        text COLLATE "C" PRIMARY KEY,
  email         text COLLATE "C" NOT NULL,
  old_hash      bytea NOT NULL UNIQUE,
  new_hash      bytea NOT NULL UNIQUE,
  old_confirmed boolean NOT NULL DEFAULT false,
  new_confirmed boolean NOT NULL DEFAULT false,
  expires_at    timestamptz NOT NULL
);

-- How often something was tried that may be tried only so often. key: a keyed hash of what and of whom.
CREATE TABLE attempt (
  key        bytea PRIMARY KEY,
  tries      integer NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX attempt_expires_at ON attempt (expires_at);

-- Whether who belongs to the organization, or to one below it, signs in with a second factor.
ALTER TABLE organization_node ADD COLUMN second_factor boolean NOT NULL DEFAULT false;

-- This server's own pages, whose sessions call the FHIR API too.
INSERT INTO client (id, name) VALUES ('pages', 'Pages of this server');

-- Whether the person belongs, as staff, to an organization that asks for a second factor of all who do.
CREATE FUNCTION needs_second_factor(asked text) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM person_practitioner AS linked
    JOIN (
      SELECT practitioner, organization, period_start, period_end FROM membership
      UNION ALL SELECT practitioner, organization, period_start, period_end FROM privacy_officer
    ) AS held ON held.practitioner = linked.practitioner
    JOIN organization_ancestor AS tree ON tree.organization = held.organization
    JOIN organization_node AS node ON node.id = tree.ancestor AND node.second_factor
    WHERE linked.person = asked AND now() >= held.period_start AND now() < held.period_end)
$$;
