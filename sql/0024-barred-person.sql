-- Persons who are not active: nobody acts as them. Made again from the resources.
CREATE TABLE barred_person (
  person text COLLATE "C" PRIMARY KEY
);
INSERT INTO barred_person SELECT id FROM person WHERE content -> 'active' = 'false';
