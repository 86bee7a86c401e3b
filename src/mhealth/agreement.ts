import { standardExtensions } from '../fhir/canonical.ts'
import { intervalOf, isBefore } from '../fhir/date.ts'
import type { Issue } from '../fhir/error.ts'
import { decimalText } from '../fhir/json.ts'
import { isSameNumber } from './decimal.ts'
import { asList, asRecord, type JsonRecord } from './json-tree.ts'

/** Whether the value and the effective time that the client sent agree with the document; one issue for each that does not. */
export const compareNative = (
  sent: JsonRecord,
  { elements }: { readonly elements: JsonRecord },
  expression = 'Observation',
): readonly Issue[] =>
  ['value', 'effective'].flatMap((choice): readonly Issue[] => {
    const [one, other] = [entryOf(sent, choice), entryOf(elements, choice)]
    if (one === undefined || other === undefined || agree(one, other)) return []
    const message = `${one[0]} is ${JSON.stringify(one[1])}, the document says ${other[0]} ${JSON.stringify(other[1])}`
    return [{ code: 'value', message, expression: `${expression}.${choice}` }]
  })

const entryOf = (record: JsonRecord, choice: string): Entry | undefined => {
  const name = Object.keys(record).find(one => isChoice(one, choice))
  return name === undefined ? undefined : [name, record[name]]
}

const isChoice = (name: string, choice: string): boolean =>
  name.startsWith(choice) && /^[A-Z]/.test(name.slice(choice.length)) && name !== 'valueAttachment'

type Entry = readonly [name: string, value: unknown]

const agree = ([name, sent]: Entry, [derivedName, derived]: Entry): boolean => {
  // A list of one point used to be stored as a series of one, with a Period.
  if (name === 'effectivePeriod' && derivedName === 'effectiveDateTime')
    return agreeInPeriod(sent, { start: derived, end: derived })
  const meant = name === 'effectiveInstant' ? 'effectiveDateTime' : name
  if (meant !== derivedName) return false
  const comparison = comparisons[meant as keyof typeof comparisons] ?? isSame
  return comparison(sent, derived)
}

/** For values that are no objects; how a number is written does not matter. */
const isSame = (one: unknown, other: unknown): boolean => {
  const [text, otherText] = [decimalText(one), decimalText(other)]
  return text === undefined || otherText === undefined ? one === other : isSameNumber(text, otherText)
}

const agreeInQuantity = (sent: unknown, derived: unknown): boolean => {
  const [one, other] = [asRecord(sent), asRecord(derived)]
  if (!isSame(one?.value, other?.value)) return false
  const units = [other?.code, other?.unit]
  return units.includes(one?.code ?? one?.unit)
}

/**
 * The order and the digits in which a client or the database writes them do not matter. Limits belong to the device, and not to what was
 * measured.
 */
const agreeInSamples = (sent: unknown, derived: unknown): boolean => {
  const [one, other] = [asRecord(sent) ?? {}, asRecord(derived) ?? {}]
  return (
    one.data === other.data &&
    offsetsOf(one) === offsetsOf(other) &&
    isSame(one.period, other.period) &&
    isSame(one.dimensions, other.dimensions) &&
    isSame(one.factor ?? 1, other.factor ?? 1) &&
    agreeInQuantity(one.origin, other.origin)
  )
}

const offsetsOf = ({ extension }: JsonRecord): unknown =>
  asRecord(asList(extension).find(one => asRecord(one)?.url === standardExtensions.sampledDataOffsets))?.valueString

/** A less precise time agrees with every moment that it may mean. */
const agreeInTime = (sent: unknown, derived: unknown): boolean => {
  if (sent === derived) return true
  const [one, other] = [sent, derived].map(time => (typeof time === 'string' ? intervalOf(time) : undefined))
  if (one === undefined || other === undefined) return false
  return !isBefore(other.low, one.low) && isBefore(other.low, one.high)
}

const agreeInPeriod = (sent: unknown, derived: unknown): boolean => {
  const [one, other] = [asRecord(sent), asRecord(derived)]
  return agreeInTime(one?.start, other?.start) && agreeInTime(one?.end, other?.end)
}

const agreeInWords = (sent: unknown, derived: unknown): boolean => {
  const [one, other] = [asRecord(sent)?.text, asRecord(derived)?.text]
  return one === undefined || one === other
}

const comparisons = {
  valueQuantity: agreeInQuantity,
  valueSampledData: agreeInSamples,
  valueCodeableConcept: agreeInWords,
  effectiveDateTime: agreeInTime,
  effectivePeriod: agreeInPeriod,
} as const
