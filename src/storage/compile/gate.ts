import type { ResourceType } from '@medplum/fhirtypes'
import { type Access, restrict } from '../../access/access.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Action, Expression } from '../../search/expression.ts'
import { type RowNames, storedRow } from '../row.ts'
import type { SqlFragment } from '../sql.ts'
import { compile } from './compile.ts'

/** Needed for every question about rows: what the caller may do, and which codes mean the same. */
export type Gate = { readonly access: Access; readonly classes: CodeClasses }

/** The row is what is asked for, and the caller may do the action to it. A stored row is given by its alias. */
export const passesGate = (
  { access, classes }: Gate,
  action: Action,
  type: ResourceType,
  row: RowNames | string,
  asked?: Expression,
): SqlFragment =>
  compile(restrict(access, action, type, asked), typeof row === 'string' ? storedRow(type, row) : row, classes)
