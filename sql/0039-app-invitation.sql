-- Apps that take an invitation up by themselves, without a browser: for whoever has its message, without showing who they are.

-- hash: of what stands in the app's link. message: the study_message that the link came with. redeemed_at: the first time. grant_id: what
-- the app was given the last time.
CREATE TABLE app_invitation (
  hash        bytea PRIMARY KEY,
  message     text COLLATE "C" NOT NULL,
  invitation  text COLLATE "C" NOT NULL,
  client_id   text COLLATE "C" NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT now(),
  redeemed_at timestamptz,
  grant_id    text COLLATE "C"
);
CREATE INDEX app_invitation_message ON app_invitation (message);
CREATE INDEX app_invitation_grant ON app_invitation (grant_id) WHERE grant_id IS NOT NULL;

-- Such a grant is of the Patient, and of no Person: who holds it is not known.
ALTER TABLE authorization_grant ALTER COLUMN person_id DROP NOT NULL;
CREATE INDEX authorization_grant_patient ON authorization_grant (patient_id) WHERE person_id IS NULL;
