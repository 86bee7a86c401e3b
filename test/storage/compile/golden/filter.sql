-- Patient?_filter=(name co "an" and birthdate ge 1970-01-01) or gender eq female

WITH
  page AS MATERIALIZED (
    SELECT
      "row".patient_id,
      "row".pk,
      row_number() OVER (
        ORDER BY
          "row".pk DESC
      ) AS position,
      '[]' AS keys
    FROM
      "patient" AS row
    WHERE
      (
        (
          "row".owner = ANY (
            ARRAY(
              SELECT
                held.organization
              FROM
                membership AS held
              WHERE
                held.practitioner = $1
                AND held.rank >= '1'
                AND now() >= held.period_start
                AND now() < held.period_end
            )
          )
          OR CASE
            WHEN ARRAY(
              SELECT
                reached.grantee
              FROM
                study_grantee AS reached
                JOIN study ON study.id = reached.study_id
              WHERE
                study.id = ANY (
                  (
                    SELECT
                      handled_studies ('practitioner', $2, NULL, '1')
                  )::text[]
                )
                AND study.identity = 'identified'
                AND reached.grantee = ANY (
                  ARRAY(
                    SELECT
                      reach.grantee
                    FROM
                      practitioner_grantee AS reach
                    WHERE
                      reach.practitioner = $3
                      AND now() >= "reach".period_start
                      AND now() < "reach".period_end
                      AND TRUE
                  )
                )
            ) <> '{}'
            AND EXISTS (
              SELECT
              FROM
                study_group_observation_consents AS given
              WHERE
                given.patient_id = "row".patient_id
                AND given.grantee = ANY (
                  ARRAY(
                    SELECT
                      reached.grantee
                    FROM
                      study_grantee AS reached
                      JOIN study ON study.id = reached.study_id
                    WHERE
                      study.id = ANY (
                        (
                          SELECT
                            handled_studies ('practitioner', $4, NULL, '1')
                        )::text[]
                      )
                      AND study.identity = 'identified'
                      AND reached.grantee = ANY (
                        ARRAY(
                          SELECT
                            reach.grantee
                          FROM
                            practitioner_grantee AS reach
                          WHERE
                            reach.practitioner = $5
                            AND now() >= "reach".period_start
                            AND now() < "reach".period_end
                            AND TRUE
                        )
                      )
                  )
                )
                AND given.consented
              OFFSET
                0
            ) THEN patient_accepted (
              "row".patient_id,
              "row".id,
              (
                SELECT
                  handled_studies ('practitioner', $6, NULL, '1')
              )::text[],
              ARRAY(
                SELECT
                  reach.grantee
                FROM
                  practitioner_grantee AS reach
                WHERE
                  reach.practitioner = $7
                  AND now() >= "reach".period_start
                  AND now() < "reach".period_end
                  AND TRUE
              )
            )
          END
        )
        AND (
          (
            (
              "row".pk IN (
                SELECT
                  pk
                FROM
                  "index_string"
                WHERE
                  parameter = $8
                  AND /* planned anew */ (
                    octet_length(value) >= $9
                    OR value LIKE $10
                  )
              )
              AND (
                EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("row".content, $11::jsonpath)) AS element (value)
                  WHERE
                    strpos(fhir_fold ((element.value #>> '{}')), $12) > 0
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("row".content, $13::jsonpath)) AS element (value)
                  WHERE
                    strpos(fhir_fold ((element.value #>> '{}')), $14) > 0
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("row".content, $15::jsonpath)) AS element (value)
                  WHERE
                    strpos(fhir_fold ((element.value #>> '{}')), $16) > 0
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("row".content, $17::jsonpath)) AS element (value)
                  WHERE
                    strpos(fhir_fold ((element.value #>> '{}')), $18) > 0
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("row".content, $19::jsonpath)) AS element (value)
                  WHERE
                    strpos(fhir_fold ((element.value #>> '{}')), $20) > 0
                )
              )
            )
            AND (
              "row".pk IN (
                SELECT
                  pk
                FROM
                  "index_date"
                WHERE
                  parameter = $21
                  AND high > $22::timestamptz
              )
              AND EXISTS (
                SELECT
                FROM
                  jsonb_array_elements(jsonb_path_query_array("row".content, $23::jsonpath)) AS element (value)
                WHERE
                  fhir_high ((element.value #>> '{}')) > $24::timestamptz
              )
            )
          )
          OR (
            "row".tokens && $25::"int8" []
            AND EXISTS (
              SELECT
              FROM
                jsonb_array_elements(jsonb_path_query_array("row".content, $26::jsonpath)) AS element (value)
              WHERE
                (element.value #>> '{}') = $27
            )
          )
        )
      )
    ORDER BY
      "row".pk DESC
    LIMIT
      '21'
  )
SELECT
  page.patient_id,
  page.pk,
  page.keys,
  body.id,
  body.version,
  body.last_updated,
  "body".content::text AS content
FROM
  page
  JOIN "patient" AS body ON body.patient_id = page.patient_id
  AND body.pk = page.pk
ORDER BY
  page.position;
-- $1: string
-- $2: string
-- $3: string
-- $4: string
-- $5: string
-- $6: string
-- $7: string
-- $8: number
-- $9: number
-- $10: string
-- $11: string
-- $12: string
-- $13: string
-- $14: string
-- $15: string
-- $16: string
-- $17: string
-- $18: string
-- $19: string
-- $20: string
-- $21: number
-- $22: string
-- $23: string
-- $24: string
-- $25: string[]
-- $26: string
-- $27: string
