-- session: in which a second factor is being set up, and with which that ends. What is under way is begun anew: it names none.
ALTER TABLE sign_in_step ADD COLUMN session text COLLATE "C";
DELETE FROM sign_in_step WHERE authenticator IS NOT NULL;
