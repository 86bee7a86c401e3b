-- An Observation is read by those who may read all that it was derived from. A source that came after it, under an id that its writer chose, stayed
-- unknown, and so it was hidden for ever. source_id: of an Observation of the same patient that is not here yet; '' stands for anything else. As long as
-- there is such a row, derived_from has one with source_pk 0.
CREATE TABLE derived_awaited (
  patient_id integer NOT NULL,
  pk         bigint NOT NULL,
  source_id  text COLLATE "C" NOT NULL,
  PRIMARY KEY (patient_id, pk, source_id)
);
CREATE INDEX derived_awaited_source ON derived_awaited (patient_id, source_id);

CREATE TEMPORARY TABLE named_source ON COMMIT DROP AS
SELECT DISTINCT derived.patient_id, derived.pk, coalesce(referenced_id(said, 'Observation'), '') AS source_id, identity.pk AS source_pk
FROM derived_from AS derived
JOIN observation ON observation.patient_id = derived.patient_id AND observation.pk = derived.pk
CROSS JOIN LATERAL jsonb_array_elements(observation.content -> 'derivedFrom') AS said
LEFT JOIN resource_identity AS identity ON identity.id = referenced_id(said, 'Observation') AND identity.patient_id = derived.patient_id
  AND identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'Observation')
WHERE derived.source_pk = 0;

INSERT INTO derived_awaited (patient_id, pk, source_id) SELECT patient_id, pk, source_id FROM named_source WHERE source_pk IS NULL;
INSERT INTO derived_from (patient_id, pk, source_pk)
SELECT patient_id, pk, source_pk FROM named_source WHERE source_pk IS NOT NULL ON CONFLICT DO NOTHING;
DELETE FROM derived_from AS derived WHERE source_pk = 0 AND NOT EXISTS (
  SELECT FROM derived_awaited AS awaited WHERE awaited.patient_id = derived.patient_id AND awaited.pk = derived.pk);
