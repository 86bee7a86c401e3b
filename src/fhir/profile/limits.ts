import { intervalOf, isBefore } from '../date.ts'
import { isObject, toNumber } from '../json.ts'
import type { ElementDefinition } from './profile.ts'

/**
 * What a value breaks of `maxLength`, `minValue[x]` and `maxValue[x]`; undefined if nothing. What cannot be compared with a limit, as another unit
 * or a Quantity as a limit of dates, is not compared.
 * https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.maxLength
 */
export const brokenLimit = (definition: ElementDefinition, value: unknown): string | undefined => {
  const longest = toNumber(definition.maxLength)
  if (typeof value === 'string' && [...value].length > longest) return `takes at most ${longest} characters`
  const [least, most] = [limitOf(definition, 'minValue'), limitOf(definition, 'maxValue')]
  if (least !== undefined && isLess(value, least)) return `takes nothing below ${JSON.stringify(least)}`
  if (most !== undefined && isLess(most, value)) return `takes nothing above ${JSON.stringify(most)}`
  return undefined
}

const limitOf = (definition: ElementDefinition, prefix: string): unknown =>
  Object.entries(definition).find(([key]) => key.startsWith(prefix))?.[1]

const isLess = (one: unknown, other: unknown): boolean => {
  if (typeof one === 'string' && typeof other === 'string') return isEarlier(one, other)
  if (isObject(one) && isObject(other))
    return one.system === other.system && one.code === other.code && toNumber(one.value) < toNumber(other.value)
  return toNumber(one) < toNumber(other)
}

/** A date that is not exact is only earlier than another if all of it is. What is no date is a time of day. */
const isEarlier = (one: string, other: string): boolean => {
  const [first, second] = [intervalOf(one), intervalOf(other)]
  return first === undefined || second === undefined ? one < other : !isBefore(second.low, first.high)
}
