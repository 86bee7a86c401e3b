-- A PractitionerRole with the code privacy-officer: who reads the AuditEvents of its organization and of all below it. It is no
-- membership, so nothing that asks for one is opened by it.
CREATE TABLE privacy_officer (
  id           text COLLATE "C" PRIMARY KEY,
  practitioner text COLLATE "C" NOT NULL,
  organization text COLLATE "C" NOT NULL,
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL
);
CREATE INDEX privacy_officer_practitioner ON privacy_officer (practitioner, organization);
CREATE INDEX privacy_officer_organization ON privacy_officer (organization);
