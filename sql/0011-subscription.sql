-- Who is to be told of what changes, what has changed, and of what each was told.

-- A Subscription that was written with a token. Whose access is asked, at each event and again at each delivery, stands in a
-- copy of the token's row, under the same names: the token may expire meanwhile, and what its person may see may change.
-- last_event: number of its last event; last_told: of the last that went out.
CREATE TABLE subscriber (
  id         text COLLATE "C" PRIMARY KEY,
  status     text NOT NULL,
  type       text NOT NULL,
  ends_at    timestamptz NOT NULL,
  hash       bytea NOT NULL,
  kind       text NOT NULL,
  person_id  text,
  patient_id text,
  client_id  text NOT NULL,
  scope      text NOT NULL,
  context    jsonb NOT NULL,
  grant_id   text,
  last_event bigint NOT NULL DEFAULT 0,
  last_told  bigint NOT NULL DEFAULT 0,
  told_at    timestamptz,
  failed_at  timestamptz
);
-- What a write asks: whether anybody listens to its type at all.
CREATE INDEX subscriber_type ON subscriber (type) WHERE status IN ('active', 'error');

-- What was written of the types that somebody listens to, by the statement that wrote it, until it is looked at.
CREATE TABLE change (
  position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type       text NOT NULL,
  patient_id integer NOT NULL,
  pk         bigint NOT NULL
);

-- A row that a subscriber could see and had asked for. It is a subscriber's before it is a patient's.
CREATE TABLE subscription_event (
  subscription text COLLATE "C" NOT NULL,
  number       bigint NOT NULL,
  patient_id   integer NOT NULL,
  pk           bigint NOT NULL,
  occurred_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subscription, number)
);
