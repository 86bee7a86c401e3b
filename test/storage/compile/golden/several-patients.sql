-- Observation?patient=ann,ben,cleo&code=2339-0,8867-4&date=ge2026-01-01

WITH
  page AS MATERIALIZED (
    SELECT
      "row".patient_id,
      "row".pk,
      row_number() OVER (
        ORDER BY
          "row".effective_start DESC,
          "row".pk DESC
      ) AS position,
      json_build_array(("row".effective_start)::text)::text AS keys
    FROM
      "observation" AS row
    WHERE
      (
        (
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
                    reach.practitioner = $1
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
                  reach.practitioner = $2
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
        AND (
          "row".patient_id = coalesce(
            (
              SELECT
                patient_id
              FROM
                patient_compartment
              WHERE
                id = $3
            ),
            -1
          )
          OR "row".patient_id = coalesce(
            (
              SELECT
                patient_id
              FROM
                patient_compartment
              WHERE
                id = $4
            ),
            -1
          )
          OR "row".patient_id = coalesce(
            (
              SELECT
                patient_id
              FROM
                patient_compartment
              WHERE
                id = $5
            ),
            -1
          )
        )
        AND CASE
          WHEN EXISTS (
            SELECT
            FROM
              observation_code AS code
            WHERE
              code.patient_id = "row".patient_id
              AND code.effective_start = "row".effective_start
              AND code.pk = "row".pk
              AND (
                component = 0
                AND code_id = ANY (
                  ARRAY(
                    SELECT
                      code_id
                    FROM
                      code_class
                    WHERE
                      key = ANY ($6::"text" [])
                      OR code_class.code = ANY ($7::"text" [])
                  )
                )
              )
          ) THEN TRUE
          ELSE FALSE
        END
        AND (
          "row".effective_end > $8::timestamptz
          AND NOT (
            "row".effective_start = '-infinity'
            AND "row".effective_end = 'infinity'
          )
          AND "row".effective_start >= coalesce(
            $9::timestamptz - (
              SELECT
                CASE
                  WHEN bool_and(longest IS NOT NULL) THEN max(longest)
                END
              FROM
                code_duration
            ),
            '-infinity'
          )
        )
      )
    ORDER BY
      "row".effective_start DESC,
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
  "body".kind_id,
  "body".content::text AS content
FROM
  page
  JOIN "observation" AS body ON body.patient_id = page.patient_id
  AND body.pk = page.pk
ORDER BY
  page.position;
-- $1: string
-- $2: string
-- $3: string
-- $4: string
-- $5: string
-- $6: string[]
-- $7: string[]
-- $8: string
-- $9: string
