import type { Expression } from '../../search/expression.ts'
import { storedRow, tableOf, typeIdOf } from '../row.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { element, jsonPath, someElement } from '../values/element.ts'
import type { Compiling } from './compiling.ts'

type Hierarchy = Extract<Expression, { kind: 'hierarchy' }>

/**
 * The row refers to a resource above or below another. Only resources for which the inner question holds say what they are part of, so
 * that nobody learns anything by way of a resource that they may not see. https://hl7.org/fhir/R4/search.html#recursive
 */
export const compileHierarchy = (hierarchy: Hierarchy, at: Compiling): SqlFragment => {
  const { parameter, target, reach, id } = hierarchy
  const reached = name(`reached_${at.depth}`)
  const next = (reach === 'below' ? partsOf : wholesOf)(hierarchy, at, reached)
  return someElement(sql.fragment`${at.row.row}.content`, parameter.paths, datatype =>
    datatype === 'Reference'
      ? [
          {
            holds: sql.fragment`split_part(${element} ->> 'reference', '/_history/', 1) IN (
              WITH RECURSIVE ${reached}(id) AS (SELECT ${id}::text COLLATE "C" UNION ${next})
              SELECT ${`${target}/`} || id FROM ${reached})`,
          },
        ]
      : [],
  )
}

type Step = (hierarchy: Hierarchy, at: Compiling, reached: SqlFragment) => SqlFragment

/** The resources that are part of one that was reached. */
const partsOf: Step = (hierarchy, at, reached) => {
  const { part, parents, inner } = rowsOf(hierarchy, at)
  return sql.fragment`
    SELECT ${part}.id FROM ${reached}
    JOIN (${parents}) AS parent(pk, reference) ON parent.reference = ${`${hierarchy.target}/`} || ${reached}.id
    JOIN ${tableOf(hierarchy.target)} AS ${part} ON ${part}.pk = parent.pk
    WHERE ${inner}`
}

/** The resources that one that was reached is part of. */
const wholesOf: Step = (hierarchy, at, reached) => {
  const { part, path, inner } = rowsOf(hierarchy, at)
  return sql.fragment`
    SELECT split_part(parent.value ->> 'reference', '/', 2) COLLATE "C" FROM ${reached}
    JOIN resource_identity AS identity ON identity.id = ${reached}.id
      AND identity.type_id = ${typeIdOf(hierarchy.target)}
    JOIN ${tableOf(hierarchy.target)} AS ${part} ON ${part}.patient_id = identity.patient_id AND ${part}.pk = identity.pk
    CROSS JOIN jsonb_path_query(${part}.content, ${path}::jsonpath) AS parent(value)
    WHERE parent.value ->> 'reference' LIKE ${`${hierarchy.target}/%`} AND ${inner}`
}

const rowsOf = ({ target, parent, of }: Hierarchy, at: Compiling) => {
  const alias = `part_${at.depth}`
  const [reference] = parent.paths
  if (reference === undefined) throw new Error(`${target} ${parent.code} reaches nothing`)
  const path = jsonPath(reference)
  return {
    path,
    part: name(alias),
    inner: at.compile(of, { ...at, row: storedRow(target, alias), depth: at.depth + 1 }),
    parents: sql.fragment`
      SELECT whole.pk, split_part(parent.value ->> 'reference', '/_history/', 1)
      FROM ${tableOf(target)} AS whole, jsonb_path_query(whole.content, ${path}::jsonpath) AS parent(value)`,
  }
}
