-- Sign-in at an institution's identity provider. Who somebody is there stands in Person.identifier, as (issuer, subject).

-- Between being sent to the provider and coming back: good once, for the browser that began it. id: state, or ID of the AuthnRequest.
CREATE TABLE sso_request (
  id_hash      bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  continued    text,
  expires_at   timestamptz NOT NULL
);

-- Who has come from the provider, until they are signed in, linked to an account, or gone. arrived: what the provider said of them.
CREATE TABLE sso_arrival (
  hash         bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  arrived      jsonb NOT NULL,
  expires_at   timestamptz NOT NULL
);
