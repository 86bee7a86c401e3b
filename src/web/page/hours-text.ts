import type { Words } from '../../messages/catalogue.ts'

/** A length of an hour or more as people say it, such as 7 h 35 min for 455 min: undefined for what is no length in minutes or hours, and for parts of a minute. */
export const hoursText = (value: number, unit: string | undefined, { number }: Words): string | undefined => {
  const minutes = value * (minutesIn.get(unit) ?? Number.NaN)
  if (!Number.isInteger(minutes) || minutes < 60) return undefined
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  return [`${number(hours)} h`, ...(rest === 0 ? [] : [`${rest} min`])].join(' ')
}

/** UCUM's codes, which Open mHealth has too. */
const minutesIn: ReadonlyMap<string | undefined, number> = new Map([
  ['min', 1],
  ['h', 60],
])
