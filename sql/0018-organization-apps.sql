-- What an organization sees and does about its own apps and backend clients.

-- token_at: when it was last given an access token, to the minute. disabled_by_operator: then no organization enables it again.
ALTER TABLE client
  ADD COLUMN token_at             timestamptz,
  ADD COLUMN disabled_by_operator boolean NOT NULL DEFAULT FALSE;
UPDATE client SET disabled_by_operator = TRUE WHERE disabled_at IS NOT NULL;
CREATE INDEX client_organization ON client (organization);
