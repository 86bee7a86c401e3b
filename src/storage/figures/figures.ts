import type { Conversion } from '../../fhir/measured/conversion.ts'
import type { Expression } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'

/** The newest `max` of each class of codes, for the Patients with the ids. */
export type LastN = Pick<Search, 'applied'> & {
  readonly where: Expression
  readonly patients: readonly string[]
  readonly max: number
  /** Only so many of all of them, the newest. Absent: all, and a refusal if they are too many or too long for one answer. */
  readonly newest?: number
}

/** Values of the code, whether an Observation's own or a component's, of one Patient. */
export type StatisticsAsked = {
  readonly where: Expression
  readonly patient: string
  readonly code: { readonly system: string | undefined; readonly code: string }
}

/** Numbers of the kinds of the Observations from which it is made. */
export type OfKinds = { readonly kinds: readonly number[] }

/** Figures as decimal text. Those that need more values than there are (the deviation of one value) are null. */
export type StatisticsRow = OfKinds & {
  /** For a panel: which of its measurements. */
  readonly part: StatisticsAsked['code'] | null
  readonly system: string | null
  readonly unit: string | null
  /** With those that have no value. */
  readonly total: string
  readonly figures: Readonly<Record<string, string | null>>
}

/** Numbers of one Patient, in one unit, from a period. */
export type ReadingsAsked = {
  readonly where: Expression
  /** Those that do not count, because they were entered in error. */
  readonly mistaken: Expression
  readonly patient: string
  readonly codes: readonly StatisticsAsked['code'][]
  /** Instants; the first is included, the last is not. */
  readonly from: string
  readonly to: string
  /** In which a reading with a date alone is on that date. */
  readonly timezone: string
  /** Whether an average of several measurements counts as a reading, as it does where the question is how high a value is. */
  readonly takesAverages: boolean
  /** Whether a reading belongs to the moment when it began, or when it ended. */
  readonly at: 'start' | 'end'
  /** In UCUM. */
  readonly unit: string
  readonly conversions: readonly Conversion[]
  /** Values outside are impossible, and do not count as numbers; absent if every value is possible. */
  readonly possible?: { readonly least: number; readonly most: number }
}

/** Steps of equal length from the start of the period on, or the days of a time zone. */
export type Step =
  | { readonly kind: 'width'; readonly seconds: number }
  | { readonly kind: 'day'; readonly timezone: string }

export type SeriesAsked = ReadingsAsked & {
  readonly step: Step
  /** Whether the sum of each step is wanted, which takes longer than all the rest. */
  readonly wantsSum: boolean
}

export type SeriesRow = OfKinds & {
  /** Id of the source Device. */
  readonly device: string | null
  /** When the step begins, in seconds since 1970. */
  readonly start: number
  readonly count: number
  /** Readings without a number in the unit. */
  readonly leftOut: number
  readonly minimum: number | null
  readonly average: number | null
  readonly maximum: number | null
  /** The sum, in which no two readings overlap; null if it is not wanted. */
  readonly sum: number | null
  /** Whether all its readings have a date and no time. */
  readonly isDated: boolean
}

export type GlucoseProfileAsked = Omit<ReadingsAsked, 'conversions'> & {
  readonly conversions: readonly (Conversion & { readonly thresholds: readonly number[] })[]
  /** The dimensions of two units in which one reading may be sent, and how far apart its two numbers may be, in the unit that is asked for. */
  readonly toldTwice: { readonly finer: string; readonly coarser: string; readonly within: number }
}

export type GlucoseProfileRow = OfKinds & {
  readonly count: number
  readonly leftOut: number
  readonly mean: number | null
  readonly lowest: number | null
  readonly highest: number | null
  /** The deviation of a sample. */
  readonly deviation: number | null
  /** Days in the time zone with a reading. */
  readonly days: number
  /** Quarters of an hour with a reading. */
  readonly quarters: number
  /** How many readings are in each range, lowest first, with those that are only known to be below or above one of its bounds. */
  readonly ranges: readonly number[]
  /** By the quarter of an hour in the day, 0 to 95; those without a reading are missing. Percentiles 5, 25, 50, 75 and 95. */
  readonly ofDay: readonly {
    readonly quarter: number
    readonly count: number
    readonly percentiles: readonly number[]
  }[]
}

export type PressureAsked = Omit<ReadingsAsked, 'codes' | 'takesAverages'> & {
  readonly systolic: ReadingsAsked['codes']
  readonly diastolic: ReadingsAsked['codes']
  /** A reading with either of them, or more, is high. */
  readonly threshold: { readonly systolic: number; readonly diastolic: number }
}

/** Of all readings, or those before noon or from noon on, by the clock of the time zone. */
export type PressureRow = OfKinds & {
  readonly part: 'all' | 'before-noon' | 'from-noon'
  readonly count: number
  /** Days in the time zone with a reading. */
  readonly days: number
  /** The means; null if there is no such number. */
  readonly systolic: number | null
  readonly diastolic: number | null
  readonly high: number
}
