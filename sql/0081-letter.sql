-- Letters to people about their accounts that are not sent yet, each sealed, for its link is a secret. Until when it says something that is so.
CREATE TABLE letter (
  id       text COLLATE "C" PRIMARY KEY,
  sealed   text NOT NULL,
  state    text NOT NULL DEFAULT 'waiting',
  ends_at  timestamptz NOT NULL
);
