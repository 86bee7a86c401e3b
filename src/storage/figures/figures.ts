import type { Conversion } from '../../fhir/measured/conversion.ts'
import type { Expression } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'

/** `max` of each class of codes, of the Patients with the ids. */
export type LastN = Pick<Search, 'applied'> & {
  readonly where: Expression
  readonly patients: readonly string[]
  readonly max: number
  /** Of all of them only so many, the newest. Absent: all, and a refusal where they are too many or too long for one answer. */
  readonly newest?: number
}

/** Values of the code, be it an Observation's own or a component's, of one Patient. */
export type StatisticsAsked = {
  readonly where: Expression
  readonly patient: string
  readonly code: { readonly system: string | undefined; readonly code: string }
}

/** Numbers of the kinds of the Observations of which it is made. */
export type OfKinds = { readonly kinds: readonly number[] }

/** Figures as decimal text; those that need more values than there are (a deviation of one value) are null. */
export type StatisticsRow = OfKinds & {
  /** Of a panel, which of its measurements. */
  readonly part: StatisticsAsked['code'] | null
  readonly system: string | null
  readonly unit: string | null
  /** Also those without a value. */
  readonly total: string
  readonly figures: Readonly<Record<string, string | null>>
}

/** Numbers of one Patient, in one unit, whose time lies in a period. */
export type ReadingsAsked = {
  readonly where: Expression
  /** What among it counts for nothing: it was entered in error. */
  readonly mistaken: Expression
  readonly patient: string
  readonly codes: readonly StatisticsAsked['code'][]
  /** Instants; the first is in it, the last is not. */
  readonly from: string
  readonly to: string
  /** Whether the average of several measurements counts as a reading, as it does where a level is drawn. */
  readonly takesAverages: boolean
  /** Whether a reading stands where it began, or where it ended. */
  readonly at: 'start' | 'end'
  /** In UCUM. */
  readonly unit: string
  readonly conversions: readonly Conversion[]
  /** What lies below or above cannot be, and is no number; absent where anything can. */
  readonly possible?: { readonly least: number; readonly most: number }
}

/** Equal stretches of time from the start of the period on, or the days of a place. */
export type Step =
  | { readonly kind: 'width'; readonly seconds: number }
  | { readonly kind: 'day'; readonly timezone: string }

export type SeriesAsked = ReadingsAsked & {
  readonly step: Step
  /** Whether what the readings of a step come to is asked: it takes longer than all the rest. */
  readonly wantsSum: boolean
}

export type SeriesRow = OfKinds & {
  /** Id of the source Device. */
  readonly device: string | null
  /** Seconds since 1970 at which the step begins. */
  readonly start: number
  readonly count: number
  /** Readings without a number in the unit. */
  readonly leftOut: number
  readonly minimum: number | null
  readonly average: number | null
  readonly maximum: number | null
  /** Of no two that overlap; null where it is not asked. */
  readonly sum: number | null
  /** Whether all that are in it have a date and no time. */
  readonly isDated: boolean
}

export type GlucoseProfileAsked = Omit<ReadingsAsked, 'conversions'> & {
  readonly timezone: string
  readonly conversions: readonly (Conversion & { readonly thresholds: readonly number[] })[]
  /** Dimensions of two units in which one reading may be told, and how far apart its two numbers may be, in the unit that is asked. */
  readonly toldTwice: { readonly finer: string; readonly coarser: string; readonly within: number }
}

export type GlucoseProfileRow = OfKinds & {
  readonly count: number
  readonly leftOut: number
  readonly mean: number | null
  readonly lowest: number | null
  readonly highest: number | null
  /** Of a sample. */
  readonly deviation: number | null
  /** Days of the place with a reading. */
  readonly days: number
  /** Quarters of an hour with a reading. */
  readonly quarters: number
  /** How many readings are in each range, the lowest first: also those of which is known only that they are below or above what bounds it. */
  readonly ranges: readonly number[]
  /** By the quarter of the day, 0 to 95; those without a reading are missing. Percentiles 5, 25, 50, 75 and 95. */
  readonly ofDay: readonly {
    readonly quarter: number
    readonly count: number
    readonly percentiles: readonly number[]
  }[]
}
