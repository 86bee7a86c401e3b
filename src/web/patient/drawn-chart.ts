import type { PressureFigures } from '../../operations/pressure-figures.ts'
import type { Limits } from './chart-limits.ts'

/** Measurements in steps of time, with an entry for each step that has a reading. */
export type Line = {
  readonly label: string
  /** Which of the lines of its drawing it belongs to; there is one for each source. */
  readonly place: number
  readonly points: readonly Point[]
}

export type Point = {
  /** Seconds since 1970. */
  readonly start: number
  readonly count: number
  readonly minimum: number | null
  readonly average: number | null
  readonly maximum: number | null
  readonly sum: number | null
  /** Whether only the day of its readings is known. */
  readonly isDated: boolean
}

export type Chart = {
  readonly title: string
  readonly unit: string
  /** How it is drawn: as a line, as a line with its readings marked, or with a bar for each day. */
  readonly style: 'line' | 'marked' | 'bars'
  readonly lines: readonly Line[]
  readonly stepSeconds: number
  /** If two readings are further apart than this, the line between them is broken. */
  readonly gapSeconds: number
  /** `label`: all of them in a sentence; `mark`: what stands at the line itself, if anything. */
  readonly thresholds: readonly { readonly value: number; readonly label: string; readonly mark: string }[]
  readonly decimals: number
  /** Values beyond these are marked at the edge. */
  readonly limits: Limits
  /** How many readings in the period have no number in the unit. */
  readonly leftOut: number
  readonly figures?: FiguresKind
  readonly pressure?: PressureFigures
}

/** What is asked first of a measurement: how high it is, or at rest; how much in a day or a night; how it has changed. */
export type FiguresKind = 'spread' | 'at-rest' | 'of-days' | 'of-nights' | 'change' | 'pressure'

/** A name and what stands beside it. */
export type Figure = readonly [name: string, told: string]

/** What is said above a chart in numbers, of its days. */
export type Figures = { readonly told: readonly Figure[]; readonly notes?: readonly string[] }
