import type { FhirError, Issue } from '../../fhir/error.ts'
import type { Written } from '../../storage/store.ts'
import type { Context, FhirResponse, PreferredReturn } from '../interaction.ts'
import { type AnswerRoom, openAnswerRoom } from './answer-room.ts'
import type { Claims, Made, Met, Placed } from './transaction-claims.ts'

export type Done = Exclude<Written, { outcome: 'refused' }>

/** How far a transaction has come. */
export type Progress = {
  readonly context: Context
  readonly answer: PreferredReturn
  readonly answers: FhirResponse[]
  readonly room: AnswerRoom
  readonly claims: Claims
  /** Its ordinary writes, as far as they are known yet. */
  readonly writes: Placed[]
  /** What references mean, by fullUrl of an entry or by the text of a conditional reference. */
  readonly targets: Map<string, string>
  /** By target, the version that it has written or will write. */
  readonly versions: Map<string, string>
  /** What it writes, such as `Patient/1`: its entries may refer to that before it is there. */
  readonly beside: Set<string>
  /** The entries that wrote one resource each. */
  readonly written: { readonly index: number; readonly done: Done; readonly warnings: readonly Issue[] }[]
  readonly made: Made[]
  readonly met: Met[]
  /** What it has created, such as `Patient/1`. */
  readonly created: Set<string>
  /** By the index of the entry, why a document was refused. */
  readonly refused: Map<number, FhirError>
}

export const begin = (answer: PreferredReturn, context: Context): Progress => ({
  context,
  answer,
  answers: [],
  room: openAnswerRoom(),
  claims: new Map(),
  writes: [],
  targets: new Map(),
  versions: new Map(),
  beside: new Set(),
  written: [],
  made: [],
  met: [],
  created: new Set(),
  refused: new Map(),
})
