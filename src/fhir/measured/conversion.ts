import { ucumUnit } from './ucum.ts'

/** How values of a dimension become those of one unit: their amount in base units × `factor` − `shift`. */
export type Conversion = {
  readonly dimension: string
  readonly factor: number
  readonly shift: number
  /** By how much, in that unit, a value may differ from the same reading given in another unit; absent if that depends on its last digit. */
  readonly slack?: number
}

/** Undefined if it is no UCUM code, or one whose unit cannot be converted so, such as a logarithm. */
export const conversionTo = (code: string): Conversion | undefined => {
  const unit = ucumUnit(code)
  if (unit === undefined) return undefined
  const { dimension, numerator, denominator, shift } = unit
  return { dimension, factor: Number(denominator) / Number(numerator), shift: Number(shift) }
}

/** The dimension of values without a unit. */
export const unitlessDimension = (): string => conversionTo('1')?.dimension ?? ''
