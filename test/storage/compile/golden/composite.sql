-- Observation?code-value-quantity=2339-0$gt90|http://unitsofmeasure.org|mg/dL

WITH
  chosen AS MATERIALIZED (
    SELECT
      patient_id
    FROM
      (
        SELECT
          given.patient_id
        FROM
          study_group_observation_consents AS given
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
          AND given.device_id <> $2
      ) AS target
    LIMIT
      (
        SELECT
          ceil(sqrt(people * greatest(1, '20' * people / nullif(rows, 0))))::bigint
        FROM
          (
            SELECT
              coalesce(max(patient_id), 0)::float8 AS people
            FROM
              patient_compartment
          ) AS people,
          (
            SELECT
              greatest(reltuples, 0)::float8 AS rows
            FROM
              pg_class
            WHERE
              oid = 'observation'::regclass
          ) AS known
      ) + 1
  ),
  amount AS MATERIALIZED (
    SELECT
      count(*) > (
        SELECT
          ceil(sqrt(people * greatest(1, '20' * people / nullif(rows, 0))))::bigint
        FROM
          (
            SELECT
              coalesce(max(patient_id), 0)::float8 AS people
            FROM
              patient_compartment
          ) AS people,
          (
            SELECT
              greatest(reltuples, 0)::float8 AS rows
            FROM
              pg_class
            WHERE
              oid = 'observation'::regclass
          ) AS known
      ) AS many
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
              SELECT
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
                            reach.practitioner = $3
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
                          reach.practitioner = $4
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
            AND EXISTS (
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
                        key = ANY ($5::"text" [])
                        OR code_class.code = $6
                    )
                  )
                  AND (
                    (
                      code.unit_id = (
                        SELECT
                          unit_id
                        FROM
                          unit
                        WHERE
                          unit.key = $7
                      )
                      AND code.value > $8::numeric
                    )
                    OR (
                      code.unit_id = ANY (
                        ARRAY(
                          SELECT
                            unit_id
                          FROM
                            unit
                          WHERE
                            unit.dimension = $9
                            AND NOT unit.key = $10
                        )
                      )
                      AND EXISTS (
                        SELECT
                        FROM
                          unit
                        WHERE
                          unit.unit_id = code.unit_id
                          AND (
                            unit.dimension = $11
                            AND ((code.value + unit.shift) * unit.numerator * $12::numeric) > (($13::numeric + $14::numeric) * $15::numeric * unit.denominator)
                          )
                      )
                    )
                    OR (
                      code.unit_id = $16
                      AND EXISTS (
                        SELECT
                        FROM
                          observation AS measured
                        WHERE
                          measured.patient_id = code.patient_id
                          AND measured.pk = code.pk
                          AND EXISTS (
                            SELECT
                            FROM
                              jsonb_array_elements(
                                jsonb_path_query_array(
                                  (
                                    CASE code.component
                                      WHEN 0 THEN measured.content
                                      ELSE measured.content -> 'component' -> (code.component - 1)
                                    END
                                  ),
                                  $17::jsonpath
                                )
                              ) AS element (value)
                            WHERE
                              (
                                (element.value #>> $18::text[]) IS NOT NULL
                                AND (
                                  (
                                    (element.value #>> $19::text[]) = $20
                                    AND (element.value #>> $21::text[]) = $22
                                    AND (
                                      CASE
                                        WHEN coalesce((element.value #>> $23::text[]) = ANY ($24::"text" []), FALSE) THEN 'infinity'
                                        ELSE (element.value #>> $25::text[])::numeric
                                      END
                                    ) > $26::numeric
                                  )
                                  OR (
                                    (element.value #>> $27::text[]) = $28
                                    AND (element.value #>> $29::text[]) <> $30
                                    AND EXISTS (
                                      SELECT
                                      FROM
                                        unit
                                      WHERE
                                        unit.key = (element.value #>> $31::text[]) || '|' || (element.value #>> $32::text[])
                                        AND (
                                          unit.dimension = $33
                                          AND (
                                            (
                                              (
                                                CASE
                                                  WHEN coalesce((element.value #>> $34::text[]) = ANY ($35::"text" []), FALSE) THEN 'infinity'
                                                  ELSE (element.value #>> $36::text[])::numeric
                                                END
                                              ) + unit.shift
                                            ) * unit.numerator * $37::numeric
                                          ) > (($38::numeric + $39::numeric) * $40::numeric * unit.denominator)
                                        )
                                    )
                                  )
                                )
                              )
                          )
                      )
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
-- $2: number
-- $3: string
-- $4: string
-- $5: nothing[]
-- $6: string
-- $7: string
-- $8: string
-- $9: string
-- $10: string
-- $11: string
-- $12: string
-- $13: string
-- $14: string
-- $15: string
-- $16: number
-- $17: string
-- $18: string
-- $19: string
-- $20: string
-- $21: string
-- $22: string
-- $23: string
-- $24: string[]
-- $25: string
-- $26: string
-- $27: string
-- $28: string
-- $29: string
-- $30: string
-- $31: string
-- $32: string
-- $33: string
-- $34: string
-- $35: string[]
-- $36: string
-- $37: string
-- $38: string
-- $39: string
-- $40: string
