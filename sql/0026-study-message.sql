-- Messages to people in studies: each is a row from the moment it is wanted until it is sent, or is said to have failed.

-- id: of the message. patient, subject, study_id: ids of the Patient, the ResearchSubject and the ResearchStudy; invitation: the one whose
-- link it carries. A message about another address has no subject. kind: invitation, reminder, silence or address-changed. channel: email
-- or sms. hash: of the link in it. state: waiting, sent or failed, and reason why. tries: how often it was tried to send it.
CREATE TABLE study_message (
  id         text COLLATE "C" PRIMARY KEY,
  patient    text COLLATE "C" NOT NULL,
  subject    text COLLATE "C",
  study_id   text COLLATE "C",
  invitation text COLLATE "C",
  kind       text NOT NULL,
  channel    text NOT NULL,
  address    text COLLATE "C" NOT NULL,
  hash       bytea UNIQUE,
  state      text NOT NULL DEFAULT 'waiting',
  tries      integer NOT NULL DEFAULT 0,
  reason     text,
  made_at    timestamptz NOT NULL DEFAULT now(),
  ended_at   timestamptz
);
CREATE INDEX study_message_subject ON study_message (subject, made_at);
CREATE INDEX study_message_patient ON study_message (patient, made_at);
CREATE INDEX study_message_invitation ON study_message (invitation, made_at) WHERE invitation IS NOT NULL;
CREATE INDEX study_message_waiting ON study_message (id) WHERE state = 'waiting';

INSERT INTO study_message (id, patient, subject, study_id, invitation, kind, channel, address, hash, state, made_at)
SELECT gen_random_uuid()::text, patient, subject, study_id, id, 'invitation', 'email', email, hash, letter, made_at FROM invitation;

-- Where an invitation was sent is said by its messages. code_message: the message to whose address the code was sent.
DROP INDEX invitation_waiting;
ALTER TABLE invitation DROP COLUMN email, DROP COLUMN letter, DROP COLUMN hash, ADD COLUMN code_message text COLLATE "C";
UPDATE invitation SET code = NULL;

-- message: by whose address it was shown.
DELETE FROM invitation_proof;
ALTER TABLE invitation_proof ADD COLUMN message text COLLATE "C" NOT NULL;
