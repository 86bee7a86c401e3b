import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'

/** Rows of a type that a question is about; `ids`: the only ids that they can have. */
export type RowsAsked = {
  readonly type: ResourceType
  readonly where: Expression
  readonly ids?: readonly string[]
}

/** The compartment of some of them and, for Observations, the number of their kind. */
export type Whose = { readonly type: ResourceType; readonly patientId: number; readonly kindId?: number }
