-- Invitations into a study: links that a Patient proves themself with. Whatever opens something is kept as a hash alone.

-- id: of the invitation. subject, study_id, patient: ids of the ResearchSubject, the ResearchStudy and the Patient. email: where it is
-- sent, as it stood in the Patient. letter: waiting, sent or failed. hash: of the link that was sent; shown_hash: of the one that staff have
-- last shown as a picture. code: a keyed hash of the code that was sent last. tries: wrong ones since the last right one. ended_by: used,
-- cancelled, replaced, tries or address.
CREATE TABLE invitation (
  id              text COLLATE "C" PRIMARY KEY,
  subject         text COLLATE "C" NOT NULL,
  study_id        text COLLATE "C" NOT NULL,
  patient         text COLLATE "C" NOT NULL,
  email           text COLLATE "C" NOT NULL,
  letter          text NOT NULL DEFAULT 'waiting',
  hash            bytea UNIQUE,
  shown_hash      bytea UNIQUE,
  code            bytea,
  code_expires_at timestamptz,
  tries           integer NOT NULL DEFAULT 0,
  made_at         timestamptz NOT NULL DEFAULT now(),
  expires_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  ended_by        text
);
CREATE UNIQUE INDEX invitation_open ON invitation (subject) WHERE ended_at IS NULL;
CREATE INDEX invitation_subject ON invitation (subject, made_at);
CREATE INDEX invitation_patient ON invitation (patient) WHERE ended_at IS NULL;
CREATE INDEX invitation_waiting ON invitation (id) WHERE letter = 'waiting' AND ended_at IS NULL;

-- A browser that has shown who it belongs to, by what its cookie holds.
CREATE TABLE invitation_proof (
  hash       bytea PRIMARY KEY,
  invitation text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL
);

-- A patient signs on our own pages: what sessions read with has no scope to write by.
UPDATE client SET policies = '{records-consent}' WHERE id = 'pages';
