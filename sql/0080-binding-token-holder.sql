-- What it binds ends with the token that it was given to. One of before binds nothing: it would be in force for a minute.
DELETE FROM binding_token;
ALTER TABLE binding_token ADD token bytea NOT NULL;
