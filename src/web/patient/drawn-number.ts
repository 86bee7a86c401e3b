/** With one digit more than is told, and cut off behind it: rounded twice, 79.46 would be told as 80 where the table beside it has 79. */
export const drawnNumber = (value: number, decimals: number): number => {
  const format = formats.get(decimals) ?? new Intl.NumberFormat('en', { ...cut, maximumFractionDigits: decimals + 1 })
  formats.set(decimals, format)
  return Number(format.format(value))
}

const formats = new Map<number, Intl.NumberFormat>()
const cut = { roundingMode: 'trunc', useGrouping: false } as const
