-- Lists of patients that were sent as files: what was read of each line waits here until whoever sent it confirms it, and no longer than
-- a day. What was shown is what is registered.

-- id: of the import. person, organization, study_id: who sent it, who registers, and into which study, by id. state: checking, checked,
-- importing, imported or failed, and reason why. total, faulty, duplicates: numbers of lines. done: how many of the present state.
-- imported: how many patients were registered. keeps_duplicates: whether those who may be there already are registered too.
CREATE TABLE patient_import (
  id               text COLLATE "C" PRIMARY KEY,
  person           text COLLATE "C" NOT NULL,
  organization     text COLLATE "C" NOT NULL,
  study_id         text COLLATE "C",
  state            text NOT NULL DEFAULT 'checking',
  keeps_duplicates boolean NOT NULL DEFAULT FALSE,
  total            integer NOT NULL,
  faulty           integer NOT NULL,
  duplicates       integer NOT NULL DEFAULT 0,
  done             integer NOT NULL DEFAULT 0,
  imported         integer,
  reason           text,
  made_at          timestamptz NOT NULL DEFAULT now(),
  ended_at         timestamptz
);
CREATE INDEX patient_import_person ON patient_import (person, made_at);
CREATE INDEX patient_import_state ON patient_import (state) WHERE state IN ('checking', 'importing');

-- line: of the file. patient: the Patient that it would make, and problems by field where it would make none. duplicates: ids of Patients
-- that may be the same human, and lines of the same file.
CREATE TABLE patient_import_line (
  import     text COLLATE "C" NOT NULL REFERENCES patient_import ON DELETE CASCADE,
  line       integer NOT NULL,
  patient    jsonb,
  problems   jsonb,
  duplicates jsonb,
  PRIMARY KEY (import, line)
);
