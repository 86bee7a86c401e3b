-- Patient?organization.name=lab&_sort=family,-birthdate

SELECT
  target.id
FROM
  "organization" AS target
WHERE
  (
    (
      EXISTS (
        SELECT
        FROM
          membership
          JOIN organization_node AS mine ON mine.id = membership.organization
          JOIN organization_node AS node ON node.tenant = mine.tenant
        WHERE
          membership.practitioner = $1
          AND now() >= membership.period_start
          AND now() < membership.period_end
          AND node.id = "target".id
      )
      OR "target".id IN (
        SELECT
          study.organization
        FROM
          study
        WHERE
          study.id = ANY (
            (
              SELECT
                handled_studies ('practitioner', $2, NULL, '1')
            )::text[]
          )
      )
    )
    AND (
      "target".pk IN (
        SELECT
          pk
        FROM
          "index_string"
        WHERE
          parameter = $3
          AND (
            value >= $4
            AND value < $5
          )
      )
      AND (
        EXISTS (
          SELECT
          FROM
            jsonb_array_elements(jsonb_path_query_array("target".content, $6::jsonpath)) AS element (value)
          WHERE
            fhir_begins ((element.value #>> '{}'), $7::"text" [])
        )
        OR EXISTS (
          SELECT
          FROM
            jsonb_array_elements(jsonb_path_query_array("target".content, $8::jsonpath)) AS element (value)
          WHERE
            fhir_begins ((element.value #>> '{}'), $9::"text" [])
        )
      )
    )
  )
LIMIT
  '101';
-- $1: string
-- $2: string
-- $3: number
-- $4: string
-- $5: string
-- $6: string
-- $7: string[]
-- $8: string
-- $9: string[]

WITH
  page AS MATERIALIZED (
    SELECT
      found.patient_id,
      found.pk,
      row_number() OVER (
        ORDER BY
          found."key_0" ASC,
          found."key_1" DESC NULLS LAST,
          "found".pk DESC
      ) AS position,
      json_build_array((found."key_0")::text, (found."key_1")::text)::text AS keys
    FROM
      (
        SELECT
          *
        FROM
          (
            SELECT
              "row".patient_id,
              "row".pk,
              "row".family AS "key_0",
              (
                SELECT
                  max(key)
                FROM
                  (
                    SELECT
                      CASE jsonb_typeof(element.value)
                        WHEN 'string' THEN fhir_low (element.value #>> '{}')
                      END AS key
                    FROM
                      jsonb_array_elements(jsonb_path_query_array("row".content, $1::jsonpath)) AS element (value)
                  ) AS keys
              ) AS "key_1"
            FROM
              "patient" AS row
            WHERE
              (
                (
                  (
                    "row".owner = ANY (
                      ARRAY(
                        SELECT
                          held.organization
                        FROM
                          membership AS held
                        WHERE
                          held.practitioner = $2
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
                                handled_studies ('practitioner', $3, NULL, '1')
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
                                reach.practitioner = $4
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
                                      handled_studies ('practitioner', $5, NULL, '1')
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
                                      reach.practitioner = $6
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
                            handled_studies ('practitioner', $7, NULL, '1')
                        )::text[],
                        ARRAY(
                          SELECT
                            reach.grantee
                          FROM
                            practitioner_grantee AS reach
                          WHERE
                            reach.practitioner = $8
                            AND now() >= "reach".period_start
                            AND now() < "reach".period_end
                            AND TRUE
                        )
                      )
                    END
                  )
                  AND (
                    EXISTS (
                      SELECT
                      FROM
                        jsonb_array_elements(jsonb_path_query_array("row".content, $9::jsonpath)) AS element (value)
                      WHERE
                        coalesce(
                          split_part(element.value ->> 'reference', '/_history/', 1) IN (
                            SELECT
                              $10 || "target_0".id
                            FROM
                              "organization" AS "target_0"
                            WHERE
                              (
                                (
                                  EXISTS (
                                    SELECT
                                    FROM
                                      membership
                                      JOIN organization_node AS mine ON mine.id = membership.organization
                                      JOIN organization_node AS node ON node.tenant = mine.tenant
                                    WHERE
                                      membership.practitioner = $11
                                      AND now() >= membership.period_start
                                      AND now() < membership.period_end
                                      AND node.id = "target_0".id
                                  )
                                  OR "target_0".id IN (
                                    SELECT
                                      study.organization
                                    FROM
                                      study
                                    WHERE
                                      study.id = ANY (
                                        (
                                          SELECT
                                            handled_studies ('practitioner', $12, NULL, '1')
                                        )::text[]
                                      )
                                  )
                                )
                                AND (
                                  "target_0".pk IN (
                                    SELECT
                                      pk
                                    FROM
                                      "index_string"
                                    WHERE
                                      parameter = $13
                                      AND (
                                        value >= $14
                                        AND value < $15
                                      )
                                  )
                                  AND (
                                    EXISTS (
                                      SELECT
                                      FROM
                                        jsonb_array_elements(jsonb_path_query_array("target_0".content, $16::jsonpath)) AS element (value)
                                      WHERE
                                        fhir_begins ((element.value #>> '{}'), $17::"text" [])
                                    )
                                    OR EXISTS (
                                      SELECT
                                      FROM
                                        jsonb_array_elements(jsonb_path_query_array("target_0".content, $18::jsonpath)) AS element (value)
                                      WHERE
                                        fhir_begins ((element.value #>> '{}'), $19::"text" [])
                                    )
                                  )
                                )
                              )
                          ),
                          FALSE
                        )
                    )
                    AND EXISTS (
                      SELECT
                      FROM
                        "organization" AS "target_0"
                      WHERE
                        (
                          (
                            EXISTS (
                              SELECT
                              FROM
                                membership
                                JOIN organization_node AS mine ON mine.id = membership.organization
                                JOIN organization_node AS node ON node.tenant = mine.tenant
                              WHERE
                                membership.practitioner = $20
                                AND now() >= membership.period_start
                                AND now() < membership.period_end
                                AND node.id = "target_0".id
                            )
                            OR "target_0".id IN (
                              SELECT
                                study.organization
                              FROM
                                study
                              WHERE
                                study.id = ANY (
                                  (
                                    SELECT
                                      handled_studies ('practitioner', $21, NULL, '1')
                                  )::text[]
                                )
                            )
                          )
                          AND (
                            "target_0".pk IN (
                              SELECT
                                pk
                              FROM
                                "index_string"
                              WHERE
                                parameter = $22
                                AND (
                                  value >= $23
                                  AND value < $24
                                )
                            )
                            AND (
                              EXISTS (
                                SELECT
                                FROM
                                  jsonb_array_elements(jsonb_path_query_array("target_0".content, $25::jsonpath)) AS element (value)
                                WHERE
                                  fhir_begins ((element.value #>> '{}'), $26::"text" [])
                              )
                              OR EXISTS (
                                SELECT
                                FROM
                                  jsonb_array_elements(jsonb_path_query_array("target_0".content, $27::jsonpath)) AS element (value)
                                WHERE
                                  fhir_begins ((element.value #>> '{}'), $28::"text" [])
                              )
                            )
                          )
                        )
                    )
                    AND "row".tokens && $29::"int8" []
                  )
                )
                AND TRUE
              )
            OFFSET
              0
          ) AS found
        ORDER BY
          found."key_0" ASC,
          found."key_1" DESC NULLS LAST,
          "found".pk DESC
        LIMIT
          '21'
      ) AS found
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
-- $8: string
-- $9: string
-- $10: string
-- $11: string
-- $12: string
-- $13: number
-- $14: string
-- $15: string
-- $16: string
-- $17: string[]
-- $18: string
-- $19: string[]
-- $20: string
-- $21: string
-- $22: number
-- $23: string
-- $24: string
-- $25: string
-- $26: string[]
-- $27: string
-- $28: string[]
-- $29: string[]
