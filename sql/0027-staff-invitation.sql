-- Invitations into an organization: a link that was sent to an address, and gives a role to whoever takes it into an account with that address.

-- organization: id of the Organization. role: viewer, member or manager. inviter: id of the Person who gives the role, and must still be
-- able to when it is taken. letter: waiting, sent or failed. hash: of the link that was sent last. ended_by: used, cancelled or replaced.
CREATE TABLE staff_invitation (
  id           text COLLATE "C" PRIMARY KEY,
  organization text COLLATE "C" NOT NULL,
  role         text NOT NULL,
  email        text COLLATE "C" NOT NULL,
  inviter      text COLLATE "C" NOT NULL,
  letter       text NOT NULL DEFAULT 'waiting',
  hash         bytea UNIQUE,
  made_at      timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_by     text
);
CREATE UNIQUE INDEX staff_invitation_open ON staff_invitation (organization, email) WHERE ended_at IS NULL;
CREATE INDEX staff_invitation_organization ON staff_invitation (organization, made_at) WHERE ended_at IS NULL;
CREATE INDEX staff_invitation_waiting ON staff_invitation (id) WHERE letter = 'waiting' AND ended_at IS NULL;
