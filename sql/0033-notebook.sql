-- Whom tokens are given to that a person takes along into a notebook: no app, and it is asked of nobody.
INSERT INTO client (id, name) VALUES ('notebook', 'Notebook');
