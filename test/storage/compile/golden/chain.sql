-- Observation?subject:Patient.name=ann

WITH
  chosen AS MATERIALIZED (
    SELECT
      patient_id
    FROM
      (
        SELECT
          "target_0".patient_id
        FROM
          "patient" AS "target_0"
        WHERE
          (
            (
              "target_0".owner = ANY (
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
                    given.patient_id = "target_0".patient_id
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
                  "target_0".patient_id,
                  "target_0".id,
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
              "target_0".pk IN (
                SELECT
                  pk
                FROM
                  "index_string"
                WHERE
                  parameter = $8
                  AND (
                    value >= $9
                    AND value < $10
                  )
              )
              AND (
                EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("target_0".content, $11::jsonpath)) AS element (value)
                  WHERE
                    fhir_begins ((element.value #>> '{}'), $12::"text" [])
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("target_0".content, $13::jsonpath)) AS element (value)
                  WHERE
                    fhir_begins ((element.value #>> '{}'), $14::"text" [])
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("target_0".content, $15::jsonpath)) AS element (value)
                  WHERE
                    fhir_begins ((element.value #>> '{}'), $16::"text" [])
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("target_0".content, $17::jsonpath)) AS element (value)
                  WHERE
                    fhir_begins ((element.value #>> '{}'), $18::"text" [])
                )
                OR EXISTS (
                  SELECT
                  FROM
                    jsonb_array_elements(jsonb_path_query_array("target_0".content, $19::jsonpath)) AS element (value)
                  WHERE
                    fhir_begins ((element.value #>> '{}'), $20::"text" [])
                )
              )
            )
          )
      ) AS target
    LIMIT
      '100' + 1
  ),
  amount AS MATERIALIZED (
    SELECT
      count(*) > '100' AS many
    FROM
      chosen
  ),
  page AS MATERIALIZED (
    SELECT
      found.patient_id,
      found.pk,
      row_number() OVER (
        ORDER BY
          "found".effective_start DESC,
          "found".pk DESC
      ) AS position,
      json_build_array(("found".effective_start)::text)::text AS keys
    FROM
      (
        SELECT DISTINCT
          patient_id
        FROM
          chosen
        WHERE
          NOT (
            SELECT
              many
            FROM
              amount
          )
      ) AS person
      CROSS JOIN LATERAL (
        SELECT
          "row".patient_id,
          "row".pk,
          "row".effective_start
        FROM
          "observation" AS row
        WHERE
          (
            "row".patient_id = person.patient_id
            AND (
              EXISTS (
                SELECT
                FROM
                  study_group_observation_consents AS given
                  JOIN kind_member ON kind_member.member_id = given.kind_id
                WHERE
                  given.grantee = ANY (
                    ARRAY(
                      SELECT
                        reach.grantee
                      FROM
                        practitioner_grantee AS reach
                      WHERE
                        reach.practitioner = $21
                        AND now() >= "reach".period_start
                        AND now() < "reach".period_end
                        AND TRUE
                    )
                  )
                  AND strpos(given.scope_action, 's') > 0
                  AND given.consented
                  AND now() >= given.valid_from
                  AND now() < given.valid_to
                  AND kind_member.kind_id = "row".kind_id
                  AND given.patient_id = "row".patient_id
                  AND given.device_id IN (0, "row".device_id)
                  AND given.data_start <= "row".effective_start
                  AND coalesce("row".lasts_until, "row".effective_end) <= given.data_end
                  AND "row".last_updated < given.stored_before
              )
              AND (
                NOT "row".is_joint
                OR wholly_covered (
                  ARRAY(
                    SELECT
                      reach.grantee
                    FROM
                      practitioner_grantee AS reach
                    WHERE
                      reach.practitioner = $22
                      AND now() >= "reach".period_start
                      AND now() < "reach".period_end
                      AND TRUE
                  ),
                  's',
                  "row".patient_id,
                  "row".kind_id,
                  "row".device_id,
                  coalesce("row".lasts_from, "row".effective_start),
                  coalesce("row".lasts_until, "row".effective_end),
                  "row".last_updated,
                  ARRAY(
                    SELECT
                      own.source_pk
                    FROM
                      derived_from AS own
                    WHERE
                      own.patient_id = "row".patient_id
                      AND own.pk = "row".pk
                  )
                )
              )
            )
          )
        ORDER BY
          "row".effective_start DESC,
          "row".pk DESC
        LIMIT
          '21'
      ) AS found
    ORDER BY
      "found".effective_start DESC,
      "found".pk DESC
    LIMIT
      '21'
  )
SELECT
  amount.many,
  page.patient_id,
  page.pk,
  page.keys,
  body.id,
  body.version,
  body.last_updated,
  "body".kind_id,
  "body".content::text AS content
FROM
  amount
  LEFT JOIN (
    page
    JOIN "observation" AS body ON body.patient_id = page.patient_id
    AND body.pk = page.pk
  ) ON TRUE
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
-- $9: string
-- $10: string
-- $11: string
-- $12: string[]
-- $13: string
-- $14: string[]
-- $15: string
-- $16: string[]
-- $17: string
-- $18: string[]
-- $19: string
-- $20: string[]
-- $21: string
-- $22: string
