-- Where a message went is forgotten in time, with the hash of its link; what became of it stays.
ALTER TABLE study_message ALTER address DROP NOT NULL;
CREATE INDEX study_message_address ON study_message (ended_at) WHERE address IS NOT NULL;
