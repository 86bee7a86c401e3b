-- Studies that go on, or are to come: when one of them is over, those who share with it are told, once. One that is over when it comes here is never in it.
CREATE TABLE study_end_awaited (
  study_id text COLLATE "C" PRIMARY KEY
);
INSERT INTO study_end_awaited SELECT id FROM study WHERE in_force AND period_end > now();

-- since: of a message about the end of a study, since when nobody reads anything for it.
ALTER TABLE study_message ADD since timestamptz;
