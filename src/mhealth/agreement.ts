import { intervalOf } from '../fhir/date.ts'
import type { Issue } from '../fhir/error.ts'
import { decimalText } from '../fhir/json.ts'
import { isSameNumber } from './decimal.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'

/** Whether value and effective time that the client sent say the same as the document; one issue for each that does not. */
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
  if (name !== derivedName) return false
  const comparison = comparisons[name as keyof typeof comparisons]
  return comparison === undefined ? JSON.stringify(sent) === JSON.stringify(derived) : comparison(sent, derived)
}

const agreeInQuantity = (sent: unknown, derived: unknown): boolean => {
  const [one, other] = [asRecord(sent), asRecord(derived)]
  const [value, otherValue] = [decimalText(one?.value), decimalText(other?.value)]
  if (value === undefined || otherValue === undefined || !isSameNumber(value, otherValue)) return false
  const units = [other?.code, other?.unit]
  return units.includes(one?.code ?? one?.unit)
}

/** A time of less precision agrees with each moment that it may mean. */
const agreeInTime = (sent: unknown, derived: unknown): boolean => {
  if (sent === undefined || derived === undefined) return sent === derived
  const [one, other] = [intervalOf(String(sent)), intervalOf(String(derived))]
  if (one === undefined || other === undefined) return false
  return Date.parse(one.low) <= Date.parse(other.low) && Date.parse(other.low) < Date.parse(one.high)
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
  valueCodeableConcept: agreeInWords,
  effectiveDateTime: agreeInTime,
  effectivePeriod: agreeInPeriod,
} as const
