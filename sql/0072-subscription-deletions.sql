-- Of a deletion that somebody is told of: its version, and whose Subscriptions what was deleted matched until then. Nothing can be
-- asked of it once it is gone.
ALTER TABLE change ADD deletion integer, ADD subscribers text[];

-- Of a deletion: its version.
ALTER TABLE subscription_event ADD deletion integer;
