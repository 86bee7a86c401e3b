-- Codes of an invitation that were asked for after the last one that was sent, in that order: those that are being sent now, and those that could not be.
ALTER TABLE invitation ADD codes_asked jsonb NOT NULL DEFAULT '[]';
