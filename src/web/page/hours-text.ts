import type { Words } from '../../messages/catalogue.ts'

/**
 * A length of an hour or more as people say it, such as 7 h 35 min for 455 min: undefined for what is no length in minutes or hours, and for parts of a
 * minute. It is reckoned with the digits that were sent: 8.2 h are 492 min, which binary fractions are not.
 */
export const hoursText = (digits: string, unit: string | undefined, { number }: Words): string | undefined => {
  const minutes = minutesOf(digits, unit)
  if (minutes === undefined || minutes < 60n) return undefined
  const [hours, rest] = [minutes / 60n, minutes % 60n]
  return [`${number(Number(hours))} h`, ...(rest === 0n ? [] : [`${rest} min`])].join(' ')
}

const minutesOf = (digits: string, unit = ''): bigint | undefined => {
  const [, whole, fraction = ''] = /^(\d{1,9})(?:\.(\d{1,20}))?$/.exec(digits) ?? []
  const each = minutesIn.get(unit)
  if (whole === undefined || each === undefined) return undefined
  const [counted, part] = [BigInt(`${whole}${fraction}`) * each, 10n ** BigInt(fraction.length)]
  return counted % part === 0n ? counted / part : undefined
}

/** UCUM's codes, which Open mHealth has too, and words that are sent beside them. */
const minutesIn: ReadonlyMap<string, bigint> = new Map([
  ['min', 1n],
  ['minute', 1n],
  ['minutes', 1n],
  ['h', 60n],
  ['hour', 60n],
  ['hours', 60n],
])
