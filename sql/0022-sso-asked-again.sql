-- asked_again: the provider was to ask anew who is there, so a sign-in before asked_at is no answer.
ALTER TABLE sso_request
  ADD COLUMN asked_again boolean NOT NULL DEFAULT false,
  ADD COLUMN asked_at    timestamptz NOT NULL DEFAULT now();
