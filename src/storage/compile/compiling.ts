import type { CodeClasses } from '../../fhir/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** Where in a question the compiler stands. */
export type Compiling = {
  readonly row: RowNames
  readonly classes: CodeClasses
  /** How many links deep: the names of linked rows end in it, so that one inside another is told apart. */
  readonly depth: number
  /** For a question inside this one. */
  readonly compile: (expression: Expression, at: Compiling) => SqlFragment
}

/** The compartment of a Patient, by its id; an id that nobody has is in no row. */
export const patientIdOf = (id: string): SqlFragment =>
  sql.fragment`coalesce((SELECT patient_id FROM patient_compartment WHERE id = ${id}), -1)`
