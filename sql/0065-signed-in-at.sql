-- session: in which a second factor is being set up, and with which that ends. What is under way is begun anew: it names none.
ALTER TABLE sign_in_step ADD COLUMN session text COLLATE "C";
DELETE FROM sign_in_step WHERE authenticator IS NOT NULL;

-- When they showed who they are, which may be long before at an institution; absent where it does not tell.
ALTER TABLE user_session ADD COLUMN authenticated_at timestamptz DEFAULT now();
UPDATE user_session SET authenticated_at = CASE WHEN 'pwd' = ANY (methods) THEN started_at END;
ALTER TABLE sign_in_step ADD COLUMN authenticated_at timestamptz DEFAULT now();
