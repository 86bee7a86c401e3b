-- Since when codes of this app are asked for.
ALTER TABLE user_account ADD COLUMN authenticator_at timestamptz;
UPDATE user_account SET authenticator_at = now() WHERE authenticator IS NOT NULL;
