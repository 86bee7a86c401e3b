-- Both stood empty. What is sealed is a JWE, as text, wherever it lies.
ALTER TABLE user_account ALTER COLUMN authenticator TYPE text USING convert_from(authenticator, 'UTF8');
ALTER TABLE sign_in_step ALTER COLUMN authenticator TYPE text USING convert_from(authenticator, 'UTF8');

-- methods: how they have signed in so far.
ALTER TABLE sign_in_step ADD COLUMN methods text[] NOT NULL DEFAULT '{}';
CREATE INDEX sign_in_step_person ON sign_in_step (person);
