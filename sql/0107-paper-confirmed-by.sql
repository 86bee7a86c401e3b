-- Who has confirmed a consent that somebody else recorded from paper: the practitioner, by id. NULL if nobody has, or before this was kept here.
ALTER TABLE paper_consent ADD COLUMN confirmed_by text COLLATE "C";
