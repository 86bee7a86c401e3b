-- What every policy refuses is kept as well, and what was refused of updates and transactions.

-- target, version: of an update, the Observation that it is to change, by id, and its version when it was refused; no version where
-- there was none to change, no target where its criteria (then in if_none_exist) met none. is_lost: it refers to what was to be
-- written with it, and was refused with it.
-- schema: 'unknown' where it cannot be told; then the face has no kind, and no consent covers it.
ALTER TABLE quarantined_document
  ADD COLUMN interaction text NOT NULL DEFAULT 'create' CHECK (interaction IN ('create', 'update')),
  ADD COLUMN target text COLLATE "C",
  ADD COLUMN version integer,
  ADD COLUMN is_lost boolean NOT NULL DEFAULT FALSE;
