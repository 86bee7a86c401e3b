import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import type { SqlFragment } from '../sql.ts'

/** Where in a question the compiler stands. */
export type Compiling = {
  readonly row: RowNames
  readonly classes: CodeClasses
  /** How many links deep: the names of linked rows end in it, so that one inside another is told apart. */
  readonly depth: number
  /** For a question inside this one. */
  readonly compile: (expression: Expression, at: Compiling) => SqlFragment
}
