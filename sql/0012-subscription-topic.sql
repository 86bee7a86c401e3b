-- Topics: a subscriber hears something at least every so many seconds.
ALTER TABLE subscriber ADD heartbeat integer;

-- What a websocket may present once, instead of a token: the digest, and the Subscriptions that it binds.
CREATE TABLE binding_token (
  hash          bytea PRIMARY KEY,
  subscriptions text[] NOT NULL,
  expires_at    timestamptz NOT NULL
);
