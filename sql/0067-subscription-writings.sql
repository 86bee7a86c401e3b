-- Events of a Subscription are kept from the moment that it is asked for, not only once it is active.
DROP INDEX subscriber_type;
CREATE INDEX subscriber_type ON subscriber (type) WHERE status <> 'off';

-- writing: how often its subscriber has written it; greeted: the writing that whoever is told has accepted the greeting of.
ALTER TABLE subscriber ADD writing integer NOT NULL DEFAULT 1, ADD greeted integer NOT NULL DEFAULT 0;
UPDATE subscriber SET greeted = writing WHERE status = 'active';
