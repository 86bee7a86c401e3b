import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'

/** Rows of a type that a question is about; `ids`: all of them that there can be. */
export type RowsAsked = {
  readonly type: ResourceType
  readonly where: Expression
  readonly ids?: readonly string[]
}

/** The compartment in which some of them stand, and of Observations the number of their kind. */
export type Whose = { readonly type: ResourceType; readonly patientId: number; readonly kindId?: number }
