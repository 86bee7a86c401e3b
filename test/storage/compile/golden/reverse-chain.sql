-- Patient?_has:Observation:patient:code=2339-0

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
        AND EXISTS (
          SELECT
          FROM
            observation_code AS hot
          WHERE
            (
              "hot".patient_id = "row".patient_id
              AND hot.component = 0
              AND hot.code_id = ANY (
                ARRAY(
                  SELECT
                    code_id
                  FROM
                    code_class
                  WHERE
                    key = ANY ($8::"text" [])
                    OR code_class.code = ANY ($9::"text" [])
                )
              )
              AND (
                SELECT
                  EXISTS (
                    SELECT
                    FROM
                      observation AS "source_0"
                    WHERE
                      (
                        "source_0".patient_id = hot.patient_id
                        AND "source_0".pk = hot.pk
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
                                    reach.practitioner = $10
                                    AND now() >= "reach".period_start
                                    AND now() < "reach".period_end
                                    AND TRUE
                                )
                              )
                              AND strpos(given.scope_action, 's') > 0
                              AND given.consented
                              AND now() >= given.valid_from
                              AND now() < given.valid_to
                              AND kind_member.kind_id = "hot".kind_id
                              AND given.patient_id = "hot".patient_id
                              AND given.device_id IN (0, "hot".device_id)
                              AND given.data_start <= "hot".effective_start
                              AND coalesce("hot".lasts_until, "hot".effective_end) <= given.data_end
                              AND "hot".last_updated < given.stored_before
                          )
                          AND (
                            NOT "hot".is_joint
                            OR wholly_covered (
                              ARRAY(
                                SELECT
                                  reach.grantee
                                FROM
                                  practitioner_grantee AS reach
                                WHERE
                                  reach.practitioner = $11
                                  AND now() >= "reach".period_start
                                  AND now() < "reach".period_end
                                  AND TRUE
                              ),
                              's',
                              "hot".patient_id,
                              "hot".kind_id,
                              "hot".device_id,
                              coalesce("hot".lasts_from, "hot".effective_start),
                              coalesce("hot".lasts_until, "hot".effective_end),
                              "hot".last_updated,
                              ARRAY(
                                SELECT
                                  own.source_pk
                                FROM
                                  derived_from AS own
                                WHERE
                                  own.patient_id = "hot".patient_id
                                  AND own.pk = "hot".pk
                              )
                            )
                          )
                        )
                        AND EXISTS (
                          SELECT
                          FROM
                            jsonb_array_elements(jsonb_path_query_array("source_0".content, $12::jsonpath)) AS element (value)
                          WHERE
                            split_part(element.value ->> 'reference', '/_history/', 1) = 'Patient/' || "row".id
                        )
                      )
                  )
              )
            )
          OFFSET
            0
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
-- $8: nothing[]
-- $9: string[]
-- $10: string
-- $11: string
-- $12: string
