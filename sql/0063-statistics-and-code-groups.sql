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
