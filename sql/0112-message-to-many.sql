-- Messages that are written to many people at once can wait for those of which there is only one.

-- to_many: whether it was, as to a list, or to everybody who shares with a study that has ended.
ALTER TABLE study_message ADD COLUMN to_many boolean NOT NULL DEFAULT FALSE;

UPDATE study_message SET to_many = TRUE WHERE state = 'waiting' AND kind IN ('study-ended', 'study-resumed');
