-- Launches within a frame of the EHR.

-- Web origins whose pages may show ours in a frame; of none, launches go on in a tab of their own.
ALTER TABLE smart_client_config ADD COLUMN frame_origins text[] NOT NULL DEFAULT '{}';

-- issuer of the EHR in whose frame the session lives: it is one there, and nowhere else.
ALTER TABLE user_session ADD COLUMN frame text COLLATE "C";
