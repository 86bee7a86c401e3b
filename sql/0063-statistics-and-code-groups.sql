-- What a value is, by the extension that a document's descriptive_statistic becomes: 0 measured, or the sum of what was; 1 the average of several
-- measurements; 2 another figure made of them, such as a standard deviation, which is no reading of anybody.
ALTER TABLE observation_code ADD statistic smallint NOT NULL DEFAULT 0;

WITH told AS (
  SELECT row.patient_id, row.pk, jsonb_path_query_array(row.content, '$.extension[*]
    ? (@.url == "https://sharewell.dev/fhir/StructureDefinition/descriptive-statistic").extension[*] ? (@.url == "statistic").valueCodeableConcept') AS concepts
  FROM observation AS row
  WHERE row.content -> 'extension' @> '[{"url": "https://sharewell.dev/fhir/StructureDefinition/descriptive-statistic"}]'
),
named AS (
  SELECT patient_id, pk, jsonb_path_query_array(concepts, '$[0].text') || jsonb_path_query_array(concepts,
    '$[0].coding[*] ? (@.system == "http://terminology.hl7.org/CodeSystem/observation-statistics").code') AS words
  FROM told WHERE concepts <> '[]'
)
UPDATE observation_code AS code SET statistic = CASE WHEN words ? 'average' THEN 1 ELSE 2 END
FROM named
WHERE code.patient_id = named.patient_id AND code.pk = named.pk AND NOT words ? 'sum';

CREATE INDEX observation_code_statistic ON observation_code (patient_id, pk) WHERE statistic > 1;

-- A code with codings of several classes makes them one group (https://hl7.org/fhir/R4/observation-operation-lastn.html): each of its rows but the one of the
-- lowest class names that one, so that which classes stand together is a step in the index for each pair of them, however many Observations have it.
ALTER TABLE observation_code ADD also_code_id integer;

UPDATE observation_code AS code SET also_code_id = several.lowest
FROM (
  SELECT patient_id, pk, min(code_id) AS lowest FROM observation_code WHERE component = 0 GROUP BY patient_id, pk HAVING count(*) > 1
) AS several
WHERE code.patient_id = several.patient_id AND code.pk = several.pk AND code.component = 0 AND code.code_id <> several.lowest;

CREATE INDEX observation_code_also ON observation_code (patient_id, code_id, also_code_id, effective_start DESC, pk DESC)
  WHERE also_code_id IS NOT NULL;
