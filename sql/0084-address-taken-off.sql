-- Whoever reads the mail of an address that nobody has confirmed may take it off the account: that one has no address (email) until its holder
-- gives another, and is signed in to by the one that it had (former_email), which may be another account's by then.
ALTER TABLE user_account DROP CONSTRAINT user_account_pkey, DROP CONSTRAINT user_account_person_key;
ALTER TABLE user_account
  ADD PRIMARY KEY (person),
  ALTER COLUMN email DROP NOT NULL,
  ADD UNIQUE (email),
  ADD former_email text COLLATE "C" UNIQUE;
