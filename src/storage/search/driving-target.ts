import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import { compilePart } from '../compile/compile.ts'
import { type RowNames, storedRow, typeIdOf } from '../row.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

/** The keys from which a search of Provenances by their targets starts. */
export type DrivingTarget = {
  /** Which of the conjuncts they answer. */
  readonly match: Expression
  readonly row: RowNames
  /** A query of patient_id and pk, each once. */
  readonly keys: SqlFragment
}

/**
 * An Observation may have come with very many uploads: their keys come in order from an index, those that name it in their content
 * are merged in, and a page reads no more of either than it shows.
 */
export const drivingTarget = (
  conjuncts: readonly Expression[],
  stored: RowNames,
  classes: CodeClasses,
): DrivingTarget | undefined => {
  const match = conjuncts.find(one => alternatives(one).some(isUpload) && alternatives(one).every(isOfTarget))
  if (match === undefined) return undefined
  const uploads = alternatives(match).filter(isUpload)
  const named = alternatives(match).filter(one => !isUpload(one))
  const keys = [
    ...uploads.map(upload => uploadsOf(upload, classes)),
    sql.fragment`(SELECT row.patient_id, row.pk FROM provenance AS row
      WHERE ${compilePart({ kind: 'or', of: named }, stored, classes)} ORDER BY row.pk DESC)`,
  ]
  // Provenances of uploads name no targets in their content. So duplicates are only possible if two Observations were brought by the same upload.
  const glue = uploads.length === 1 ? sql.fragment` UNION ALL ` : sql.fragment` UNION `
  return {
    match,
    row: { ...stored, facts: name('key') },
    keys: sql.fragment`${sql.join(keys, glue)}`,
  }
}

/** The uploads of an Observation for which the inner question holds, newest first. The question is asked only once. */
const uploadsOf = ({ id, of }: Upload, classes: CodeClasses): SqlFragment => {
  const observation = sql.fragment`(
    SELECT patient_id, pk FROM resource_identity
    WHERE type_id = ${typeIdOf('Observation')} AND id = ${id})`
  return sql.fragment`(SELECT brought.patient_id, brought.pk FROM upload_target AS brought
    WHERE (brought.patient_id, brought.observation) = ${observation}
      AND EXISTS (
        SELECT FROM observation AS uploaded
        WHERE (uploaded.patient_id, uploaded.pk) = ${observation}
          AND ${compilePart(of, storedRow('Observation', 'uploaded'), classes)})
    ORDER BY brought.pk DESC)`
}

type Upload = Extract<Expression, { kind: 'uploaded' }> & { readonly id: string }

const alternatives = (expression: Expression): readonly Expression[] =>
  expression.kind === 'or' ? expression.of.flatMap(alternatives) : [expression]

const isUpload = (expression: Expression): expression is Upload =>
  expression.kind === 'uploaded' && expression.id !== undefined

const isOfTarget = (expression: Expression): boolean =>
  isUpload(expression) || (expression.kind === 'match' && expression.parameter.code === 'target')
