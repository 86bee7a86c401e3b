-- What a subscriber asks that was not answered in time: how often, one after another, and until when it is not asked again.
ALTER TABLE subscriber ADD unanswered integer NOT NULL DEFAULT 0, ADD rests_until timestamptz;

-- Of a deletion: of whose Subscriptions it was not found out in time whether they matched.
ALTER TABLE change ADD unanswered text[];
