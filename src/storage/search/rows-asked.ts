import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'

/** Rows of a type that a question is about; `ids`: the only ids that they can have. */
export type RowsAsked = {
  readonly type: ResourceType
  readonly where: Expression
  readonly ids?: readonly string[]
}

/** The compartment of some of them and, for Observations, the number of their kind. */
export type Whose = { readonly type: ResourceType; readonly patientId: number; readonly kindId?: number }

/**
 * Of what the caller was shown, by its ids: what is still stored, and may not be found by them any more. Of the search, only the type counts. It is no
 * new question of theirs, and is not recorded as one.
 */
export type Unseen = (search: Search, ids: readonly string[]) => Promise<readonly string[]>
