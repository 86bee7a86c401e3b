import type { ResourceType } from '@medplum/fhirtypes'
import { type Access, restrict } from '../../access/access.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Action, Expression } from '../../search/expression.ts'
import { type RowNames, storedRow } from '../row.ts'
import type { SqlFragment } from '../sql.ts'
import { compile } from './compile.ts'

/** What every question about rows is asked with: what the caller may do, and which codes are the same. */
export type Gate = { readonly access: Access; readonly classes: CodeClasses }

/** Whether a row is what is asked for, and one to which the caller may do so. A stored row is named by its alias. */
export const passesGate = (
  { access, classes }: Gate,
  action: Action,
  type: ResourceType,
  row: RowNames | string,
  asked?: Expression,
): SqlFragment =>
  compile(restrict(access, action, type, asked), typeof row === 'string' ? storedRow(type, row) : row, classes)
