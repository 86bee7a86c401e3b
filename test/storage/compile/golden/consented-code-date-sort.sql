-- Observation?code=2339-0&date=ge2026-01-01&_sort=-date

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
  asked AS MATERIALIZED (
    SELECT
      coalesce(
        array_agg(
          code_id
          ORDER BY
            code_id
        ),
        '{}'
      ) AS ids
    FROM
      code_class
    WHERE
      key = ANY ($3::"text" [])
      OR code_class.code = ANY ($4::"text" [])
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
          ON (found.effective_start, found.pk) found.patient_id,
          found.pk,
          found.effective_start
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
          CROSS JOIN unnest(
            (
              SELECT
                ids['1':]
              FROM
                asked
            )::integer[]
          ) AS class (code_id)
          CROSS JOIN LATERAL (
            SELECT
              "hot".patient_id,
              "hot".pk,
              "hot".effective_start
            FROM
              observation_code AS hot
            WHERE
              hot.patient_id = person.patient_id
              AND hot.component = 0
              AND hot.code_id = class.code_id
              AND (
                TRUE
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
                                reach.practitioner = $5
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
                              reach.practitioner = $6
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
                )
                AND (
                  "hot".effective_end > $7::timestamptz
                  AND NOT (
                    "hot".effective_start = '-infinity'
                    AND "hot".effective_end = 'infinity'
                  )
                  AND "hot".effective_start >= coalesce(
                    $8::timestamptz - (
                      SELECT
                        CASE
                          WHEN bool_and(longest IS NOT NULL) THEN max(longest)
                        END
                      FROM
                        code_duration
                      WHERE
                        code_id = ANY (
                          (
                            SELECT
                              ids['1':]
                            FROM
                              asked
                          )::integer[]
                        )
                    ),
                    '-infinity'
                  )
                )
              )
            ORDER BY
              "hot".effective_start DESC,
              "hot".pk DESC
            LIMIT
              '21'
          ) AS found
        ORDER BY
          "found".effective_start DESC,
          "found".pk DESC
        LIMIT
          '21'
      ) AS found
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
-- $3: nothing[]
-- $4: string[]
-- $5: string
-- $6: string
-- $7: string
-- $8: string
