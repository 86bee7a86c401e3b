import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import type { SqlFragment } from '../sql.ts'

/** Where the compiler is in a question. */
export type Compiling = {
  readonly row: RowNames
  readonly classes: CodeClasses
  /** How many links deep. The aliases of linked rows end in it, so that those of nested links differ. */
  readonly depth: number
  /** Compiles a question inside this one. */
  readonly compile: (expression: Expression, at: Compiling) => SqlFragment
}
