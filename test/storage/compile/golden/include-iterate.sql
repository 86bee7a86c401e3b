-- Observation?_include=Observation:patient&_include:iterate=Patient:organization

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

SELECT DISTINCT
  $1::integer AS link,
  text
FROM
  (
    SELECT
      element.value ->> 'reference'
    FROM
      unnest($2::"int4" [], $3::"int8" []) AS place (patient_id, pk)
      JOIN "observation" AS source ON source.patient_id = place.patient_id
      AND source.pk = place.pk,
      jsonb_array_elements(jsonb_path_query_array(source.content, $4::jsonpath)) AS element (value)
    WHERE
      element.value ->> 'reference' IS NOT NULL
  ) AS found (text);
-- $1: number
-- $2: number[]
-- $3: string[]
-- $4: string

WITH
  room AS (
    SELECT
      $1::bigint AS letters
  ) (
    SELECT
      $2::text AS type,
      body.patient_id,
      body.pk,
      body.id,
      body.version,
      body.last_updated,
      CASE
        WHEN (
          CASE
            WHEN pg_column_compression(body.content) IS NULL THEN pg_column_size(body.content)
            WHEN pg_column_compression(body.content) = 'pglz' THEN 91 * least(pg_column_size(body.content), 8388608)
            ELSE 255 * least(pg_column_size(body.content), 8388608)
          END
        ) <= (
          SELECT
            letters
          FROM
            room
        ) / $3 THEN "body".content::text
      END AS content
    FROM
      (
        SELECT
          row.patient_id,
          row.pk,
          row.pk AS rank
        FROM
          resource_identity AS identity
          JOIN "patient" AS row ON row.patient_id = identity.patient_id
          AND row.pk = identity.pk
        WHERE
          (
            identity.type_id = $4
            AND identity.id = ANY ($5::"text" [])
            AND (
              "row".owner = ANY (
                ARRAY(
                  SELECT
                    held.organization
                  FROM
                    membership AS held
                  WHERE
                    held.practitioner = $6
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
                          handled_studies ('practitioner', $7, NULL, '1')
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
                          reach.practitioner = $8
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
                                handled_studies ('practitioner', $9, NULL, '1')
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
                                reach.practitioner = $10
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
                      handled_studies ('practitioner', $11, NULL, '1')
                  )::text[],
                  ARRAY(
                    SELECT
                      reach.grantee
                    FROM
                      practitioner_grantee AS reach
                    WHERE
                      reach.practitioner = $12
                      AND now() >= "reach".period_start
                      AND now() < "reach".period_end
                      AND TRUE
                  )
                )
              END
            )
          )
        ORDER BY
          row.pk DESC,
          row.pk DESC
        LIMIT
          $13
      ) AS key
      JOIN "patient" AS body ON body.patient_id = key.patient_id
      AND body.pk = key.pk
    ORDER BY
      key.rank DESC,
      key.pk DESC
  );
-- $1: number
-- $2: string
-- $3: number
-- $4: number
-- $5: string[]
-- $6: string
-- $7: string
-- $8: string
-- $9: string
-- $10: string
-- $11: string
-- $12: string
-- $13: number

SELECT DISTINCT
  $1::integer AS link,
  text
FROM
  (
    SELECT
      element.value ->> 'reference'
    FROM
      unnest($2::"int4" [], $3::"int8" []) AS place (patient_id, pk)
      JOIN "patient" AS source ON source.patient_id = place.patient_id
      AND source.pk = place.pk,
      jsonb_array_elements(jsonb_path_query_array(source.content, $4::jsonpath)) AS element (value)
    WHERE
      element.value ->> 'reference' IS NOT NULL
  ) AS found (text);
-- $1: number
-- $2: number[]
-- $3: string[]
-- $4: string

WITH
  room AS (
    SELECT
      $1::bigint AS letters
  ) (
    SELECT
      $2::text AS type,
      body.patient_id,
      body.pk,
      body.id,
      body.version,
      body.last_updated,
      CASE
        WHEN (
          CASE
            WHEN pg_column_compression(body.content) IS NULL THEN pg_column_size(body.content)
            WHEN pg_column_compression(body.content) = 'pglz' THEN 91 * least(pg_column_size(body.content), 8388608)
            ELSE 255 * least(pg_column_size(body.content), 8388608)
          END
        ) <= (
          SELECT
            letters
          FROM
            room
        ) / $3 THEN "body".content::text
      END AS content
    FROM
      (
        SELECT
          row.patient_id,
          row.pk,
          row.pk AS rank
        FROM
          resource_identity AS identity
          JOIN "organization" AS row ON row.patient_id = identity.patient_id
          AND row.pk = identity.pk
        WHERE
          (
            identity.type_id = $4
            AND identity.id = ANY ($5::"text" [])
            AND (
              EXISTS (
                SELECT
                FROM
                  membership
                  JOIN organization_node AS mine ON mine.id = membership.organization
                  JOIN organization_node AS node ON node.tenant = mine.tenant
                WHERE
                  membership.practitioner = $6
                  AND now() >= membership.period_start
                  AND now() < membership.period_end
                  AND node.id = "row".id
              )
              OR "row".id IN (
                SELECT
                  study.organization
                FROM
                  study
                WHERE
                  study.id = ANY (
                    (
                      SELECT
                        handled_studies ('practitioner', $7, NULL, '1')
                    )::text[]
                  )
              )
            )
          )
        ORDER BY
          row.pk DESC,
          row.pk DESC
        LIMIT
          $8
      ) AS key
      JOIN "organization" AS body ON body.patient_id = key.patient_id
      AND body.pk = key.pk
    ORDER BY
      key.rank DESC,
      key.pk DESC
  );
-- $1: number
-- $2: string
-- $3: number
-- $4: number
-- $5: string[]
-- $6: string
-- $7: string
-- $8: number
