import { ucumUnit } from './ucum.ts'

/** How values of a dimension become those of one unit: their amount in base units × `factor` − `shift`. */
export type Conversion = {
  readonly dimension: string
  readonly factor: number
  readonly shift: number
  /** By how much, in the one unit, a value may differ from the same reading that is told in another; absent where its last digit says so. */
  readonly slack?: number
}

/** Undefined for what is no UCUM code that a line leads to. */
export const conversionTo = (code: string): Conversion | undefined => {
  const unit = ucumUnit(code)
  if (unit === undefined) return undefined
  const { dimension, numerator, denominator, shift } = unit
  return { dimension, factor: Number(denominator) / Number(numerator), shift: Number(shift) }
}

/** Of values without a unit. */
export const unitlessDimension = (): string => conversionTo('1')?.dimension ?? ''
