-- What people, organizations, studies and consents mean, beside the resources that say so: written in the same transaction,
-- asked in the same statement. Every row here can be made again from the resources. Times without an end are infinite.

-- Roles reach along the tree: each organization with itself and all that it is part of.
CREATE TABLE organization_node (
  id     text COLLATE "C" PRIMARY KEY,
  parent text COLLATE "C",
  tenant text COLLATE "C" NOT NULL
);
CREATE INDEX organization_node_parent ON organization_node (parent);
CREATE TABLE organization_ancestor (
  organization text COLLATE "C" NOT NULL,
  ancestor     text COLLATE "C" NOT NULL,
  PRIMARY KEY (organization, ancestor)
);
CREATE INDEX organization_ancestor_ancestor ON organization_ancestor (ancestor, organization);

-- A PractitionerRole. rank: 1 viewer, 2 member, 3 manager.
CREATE TABLE membership (
  id           text COLLATE "C" PRIMARY KEY,
  practitioner text COLLATE "C" NOT NULL,
  organization text COLLATE "C" NOT NULL,
  rank         smallint NOT NULL,
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL
);
CREATE INDEX membership_practitioner ON membership (practitioner, organization);
CREATE INDEX membership_organization ON membership (organization);

-- Whose account a Person is. A practitioner has one account.
CREATE TABLE person_practitioner (
  person       text COLLATE "C" PRIMARY KEY,
  practitioner text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE person_patient (
  person  text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL,
  PRIMARY KEY (person, patient)
);
-- Signing in is by this address, never by Person.telecom. Kept in lower case. (FHIR has an Account of its own.)
CREATE TABLE user_account (
  email  text COLLATE "C" PRIMARY KEY,
  person text COLLATE "C" NOT NULL UNIQUE
);

-- Whom a consent is given to: a study, an organization, a practitioner.
CREATE TABLE grantee (
  grantee integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind    text NOT NULL,
  id      text COLLATE "C" NOT NULL,
  UNIQUE (kind, id)
);

-- A ResearchStudy with its Group.
CREATE TABLE study (
  id           text COLLATE "C" PRIMARY KEY,
  grantee      integer NOT NULL UNIQUE,
  group_id     text COLLATE "C" UNIQUE,
  organization text COLLATE "C" NOT NULL,
  access       text NOT NULL,
  identity     text NOT NULL,
  in_force     boolean NOT NULL,
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL
);
CREATE INDEX study_organization ON study (organization);
CREATE TABLE study_staff (
  study_id     text COLLATE "C" NOT NULL,
  practitioner text COLLATE "C" NOT NULL,
  role         text,
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL
);
CREATE INDEX study_staff_practitioner ON study_staff (practitioner, study_id);
CREATE INDEX study_staff_study ON study_staff (study_id);
-- device_id 0: from any source.
CREATE TABLE study_requested_data (
  study_id  text COLLATE "C" NOT NULL,
  kind_id   integer NOT NULL,
  device_id integer NOT NULL,
  PRIMARY KEY (study_id, kind_id, device_id)
);

-- A ResearchSubject; patient is the Patient that it names, of the patient's several records.
CREATE TABLE enrolment (
  patient_id   integer NOT NULL,
  id           text COLLATE "C" NOT NULL,
  study_id     text COLLATE "C" NOT NULL,
  patient      text COLLATE "C" NOT NULL,
  in_force     boolean NOT NULL,
  period_start timestamptz NOT NULL,
  period_end   timestamptz NOT NULL,
  PRIMARY KEY (patient_id, id)
);
CREATE INDEX enrolment_study ON enrolment (study_id, patient_id);
CREATE INDEX enrolment_patient ON enrolment (patient);

-- A Consent whose shape can be read. standing: proposed or active; one of them per patient and grantee.
CREATE TABLE consent_grantee (
  patient_id integer NOT NULL,
  consent_id text COLLATE "C" NOT NULL,
  grantee    integer NOT NULL,
  standing   boolean NOT NULL,
  pk         bigint NOT NULL,
  PRIMARY KEY (patient_id, consent_id)
);
CREATE UNIQUE INDEX consent_grantee_standing ON consent_grantee (patient_id, grantee) WHERE standing;
CREATE INDEX consent_grantee_grantee ON consent_grantee (grantee);
CREATE INDEX consent_grantee_consent ON consent_grantee (consent_id);

-- One row per kind × source × time that a Consent permits to an enrolled patient's study, or to another grantee.
-- device_id 0: from any source. consented is false while the Consent is only proposed.
CREATE TABLE study_group_observation_consents (
  patient_id   integer NOT NULL,
  grantee      integer NOT NULL,
  scope_action text NOT NULL,
  kind_id      integer NOT NULL,
  device_id    integer NOT NULL,
  data_start   timestamptz NOT NULL,
  data_end     timestamptz NOT NULL,
  consented    boolean NOT NULL,
  valid_from   timestamptz NOT NULL,
  valid_to     timestamptz NOT NULL,
  consent_id   text COLLATE "C" NOT NULL,
  version      integer NOT NULL
);
CREATE INDEX study_group_observation_consents_patient ON study_group_observation_consents
  (patient_id, kind_id, device_id) INCLUDE (grantee, consented, valid_from, valid_to, data_start, data_end, scope_action);
CREATE INDEX study_group_observation_consents_grantee ON study_group_observation_consents
  (grantee, kind_id, patient_id) INCLUDE (device_id, consented, valid_from, valid_to, data_start, data_end, scope_action);

-- What an Observation was derived from. source_pk 0: a source that is not known.
CREATE TABLE derived_from (
  patient_id integer NOT NULL,
  pk         bigint NOT NULL,
  source_pk  bigint NOT NULL,
  PRIMARY KEY (patient_id, pk, source_pk)
);

-- The kinds that must be consented to for a kind_id: itself, or the members of a requirement of several.
CREATE TABLE kind_member (
  kind_id   integer NOT NULL,
  member_id integer NOT NULL,
  PRIMARY KEY (kind_id, member_id)
);
CREATE INDEX kind_member_member ON kind_member (member_id, kind_id);
CREATE FUNCTION list_kind_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM kind_member WHERE kind_id = NEW.kind_id;
  INSERT INTO kind_member SELECT DISTINCT NEW.kind_id, unnest(coalesce(NEW.members, ARRAY[NEW.kind_id]));
  RETURN NULL;
END
$$;
CREATE TRIGGER kind_members AFTER INSERT OR UPDATE OF members ON kind FOR EACH ROW EXECUTE FUNCTION list_kind_members();
INSERT INTO kind_member SELECT DISTINCT kind_id, unnest(coalesce(members, ARRAY[kind_id])) FROM kind;

-- Apps and backend services; cli stands for this server's own command line.
CREATE TABLE client (
  id           text COLLATE "C" PRIMARY KEY,
  name         text NOT NULL,
  organization text COLLATE "C",
  policies     text[] NOT NULL DEFAULT '{}'
);
INSERT INTO client (id, name, policies) VALUES ('cli', 'Command line', '{records-consent}');

-- hash: SHA-256 of the token's 43 base64url characters. person_id and patient_id are ids of a Person and a Patient.
CREATE TABLE token (
  hash       bytea PRIMARY KEY,
  kind       text NOT NULL,
  person_id  text COLLATE "C",
  patient_id text COLLATE "C",
  client_id  text COLLATE "C" NOT NULL,
  scope      text NOT NULL,
  context    jsonb NOT NULL DEFAULT '{}',
  grant_id   text COLLATE "C",
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX token_grant ON token (grant_id);
CREATE INDEX token_expires_at ON token (expires_at);

-- Who handles a study. rank: 1 reads, 2 also invites and asks for consent, 3 leads it.
CREATE VIEW practitioner_study AS
  SELECT staff.practitioner, study.id AS study_id, study.grantee,
    CASE staff.role WHEN 'investigator' THEN 3 WHEN 'coordinator' THEN 2 ELSE 1 END AS rank
  FROM study_staff AS staff
  JOIN study ON study.id = staff.study_id
  WHERE now() >= staff.period_start AND now() < staff.period_end
  UNION ALL
  SELECT membership.practitioner, study.id, study.grantee,
    CASE WHEN membership.organization = study.organization AND membership.rank > 1 THEN 2 ELSE 1 END
  FROM membership
  JOIN organization_ancestor AS tree ON tree.organization = membership.organization
  JOIN study ON study.organization = tree.ancestor AND study.access = 'organization'
  WHERE now() >= membership.period_start AND now() < membership.period_end;

-- Whom consents reach a practitioner through: studies in force, organizations, the practitioner's own name.
CREATE VIEW practitioner_grantee AS
  SELECT handled.practitioner, handled.grantee, handled.study_id
  FROM practitioner_study AS handled
  JOIN study ON study.id = handled.study_id
  WHERE study.in_force AND now() >= study.period_start AND now() < study.period_end
  UNION ALL
  SELECT membership.practitioner, grantee.grantee, NULL
  FROM membership
  JOIN grantee ON grantee.kind = 'organization' AND grantee.id = membership.organization
  WHERE now() >= membership.period_start AND now() < membership.period_end
  UNION ALL
  SELECT grantee.id, grantee.grantee, NULL
  FROM grantee WHERE grantee.kind = 'practitioner';

-- The same for a backend client of an organization: what the organization's own studies are consented.
CREATE VIEW organization_study AS
  SELECT study.organization, study.id AS study_id, study.grantee, 1 AS rank FROM study;
CREATE VIEW organization_grantee AS
  SELECT study.organization, study.grantee, study.id AS study_id
  FROM study WHERE study.in_force AND now() >= study.period_start AND now() < study.period_end;

-- The same as one list, of all studies or of one.
CREATE FUNCTION practitioner_grantees(practitioner_id text, study text) RETURNS integer[] STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(SELECT grantee FROM practitioner_grantee AS reach
    WHERE reach.practitioner = practitioner_id AND (study IS NULL OR reach.study_id = study));
END
$$;
CREATE FUNCTION organization_grantees(organization_id text, study text) RETURNS integer[] STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(SELECT grantee FROM organization_grantee AS reach
    WHERE reach.organization = organization_id AND (study IS NULL OR reach.study_id = study));
END
$$;

-- Id of the resource of this type that a Reference names by its relative literal; nothing else has a meaning here.
CREATE FUNCTION referenced_id(reference jsonb, type text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT substring(reference ->> 'reference', '^' || type || '/([A-Za-z0-9.-]{1,64})$')
$$;
-- The study that a Consent is given to: http://hl7.org/fhir/extensions/StructureDefinition-consent-ResearchStudyContext.html
CREATE FUNCTION consent_study(content jsonb) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  SELECT referenced_id(jsonb_path_query_first(content,
    '$.extension[*] ? (@.url == "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext").valueReference'), 'ResearchStudy')
$$;
