import type { QuarantineKeepers } from '../quarantine/quarantine-asked.ts'

export type IngestAsked = {
  /** Id of the source Device; an empty one is no source that is known. */
  readonly source: string
  readonly keepers: QuarantineKeepers
  readonly offset: number
  readonly limit: number
}

/** `repaired` is a part of `accepted`. */
type Counts = {
  readonly accepted: number
  readonly repaired: number
  readonly duplicate: number
  readonly refused: number
}

/** Both the newest first. A day is one of UTC. */
export type Ingest = {
  readonly days: readonly (Counts & { readonly day: string; readonly uploads: number })[]
  readonly uploads: readonly (Counts & { readonly at: Date; readonly client: string })[]
}
