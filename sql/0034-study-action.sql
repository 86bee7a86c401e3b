-- What staff do to many people of a study at once: each is done, and told of, by itself.

-- id: of the action. person, study_id: who does it, and to whose people, by id. what: enrol, enrol-and-invite, invite, remind or cancel;
-- way: by which messages go. total: how many. ended_at: when the last was done.
CREATE TABLE study_action (
  id       text COLLATE "C" PRIMARY KEY,
  person   text COLLATE "C" NOT NULL,
  study_id text COLLATE "C" NOT NULL,
  what     text NOT NULL,
  way      text NOT NULL,
  total    integer NOT NULL,
  made_at  timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX study_action_study ON study_action (study_id, person, made_at);
CREATE INDEX study_action_open ON study_action (id) WHERE ended_at IS NULL;

-- target: id of the Patient to be enrolled, else of the ResearchSubject. begun: taken by whoever does it, so that nobody does it again.
-- refusal: why it was not done.
CREATE TABLE study_action_item (
  action  text COLLATE "C" NOT NULL REFERENCES study_action ON DELETE CASCADE,
  item    integer NOT NULL,
  target  text COLLATE "C" NOT NULL,
  begun   boolean NOT NULL DEFAULT FALSE,
  refusal text,
  PRIMARY KEY (action, item)
);
