import type { GlucoseUnit } from '../../fhir/measured/glucose.ts'
import { exactDecimal } from '../../messages/exact-decimal.ts'

/**
 * The number with one digit more than is shown, and cut off after that: if it were rounded twice, 79.46 would be shown as 80, while the table
 * beside it has 79.
 */
export const drawnNumber = (value: number, decimals: number): number => {
  const format = formats.get(decimals) ?? new Intl.NumberFormat('en', { ...cut, maximumFractionDigits: decimals + 1 })
  formats.set(decimals, format)
  return Number(format.format(exactDecimal(value)))
}

const formats = new Map<number, Intl.NumberFormat>()
const cut = { roundingMode: 'trunc', useGrouping: false } as const

/** With how many decimals a glucose is told. */
export const decimalsOf = (unit: GlucoseUnit): number => (unit === 'mg/dL' ? 0 : 1)
