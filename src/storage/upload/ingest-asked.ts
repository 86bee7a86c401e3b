import type { QuarantineKeepers } from '../quarantine/quarantine-asked.ts'

export type IngestAsked = {
  /** Id of the source Device; empty if the source is not known. */
  readonly source: string
  readonly keepers: QuarantineKeepers
  /** Of the uploads. */
  readonly order: 'latest' | 'oldest'
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

/** The newest day comes first, and days only with the first uploads that were asked for. They are those of UTC. */
export type Ingest = {
  readonly days: readonly (Counts & { readonly day: string; readonly uploads: number })[]
  readonly uploads: readonly (Counts & { readonly at: Date; readonly client: string })[]
}
