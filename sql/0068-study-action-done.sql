-- done: what came of it is known. What was begun and is not done when its action ends was cut short, and nobody knows whether it was.
ALTER TABLE study_action_item ADD COLUMN done boolean NOT NULL DEFAULT FALSE;
UPDATE study_action_item SET done = TRUE WHERE begun;
