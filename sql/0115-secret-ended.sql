-- An earlier version kept the secret of a client that authenticates in another way by now: it still opened what a partner reads, and came back with the
-- way to authenticate by it.
UPDATE client SET secret_hash = NULL
WHERE secret_hash IS NOT NULL AND NOT starts_with(registration ->> 'token_endpoint_auth_method', 'client_secret');
