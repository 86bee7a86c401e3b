-- In which language the person is written to: that of the browser with which they were last here.
ALTER TABLE user_account ADD language text NOT NULL DEFAULT 'en';
