-- Requests that are answered later: https://hl7.org/fhir/async-bundle.html

-- By whose rights it is done stands in a copy of the token's row, under the same names: the token may expire meanwhile.
-- request: the HTTP request that asked for it. name: batch, transaction or search-type. target: path and query below the base.
-- body: until it is done. head: the answer's Bundle without its entries. status, outcome: what came of it.
CREATE TABLE async_request (
  id         text COLLATE "C" PRIMARY KEY,
  hash       bytea NOT NULL,
  kind       text NOT NULL,
  person_id  text,
  patient_id text,
  client_id  text NOT NULL,
  scope      text NOT NULL,
  context    jsonb NOT NULL,
  grant_id   text,
  request    text NOT NULL,
  name       text NOT NULL,
  target     text NOT NULL,
  prefer     jsonb NOT NULL,
  body       text,
  total      integer NOT NULL,
  done       integer NOT NULL DEFAULT 0,
  made_at    timestamptz NOT NULL DEFAULT now(),
  ended_at   timestamptz,
  head       jsonb,
  status     integer,
  outcome    jsonb
);
CREATE INDEX async_request_made ON async_request (made_at);
CREATE INDEX async_request_open ON async_request (client_id) WHERE ended_at IS NULL;

-- Of a Bundle, the entries of the answer in parts, each committed with what it tells of. Of a search, what matched, and no content.
CREATE TABLE async_answer (
  request text COLLATE "C" NOT NULL REFERENCES async_request ON DELETE CASCADE,
  part    integer NOT NULL,
  entries text NOT NULL,
  PRIMARY KEY (request, part)
);
