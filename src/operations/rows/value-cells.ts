import { decimalText } from '../../fhir/json.ts'
import { isGivenName, isGivenText } from '../../mhealth/code-names.ts'
import type { Cell } from './csv.ts'

export type Concept = { readonly text?: string; readonly coding?: readonly Coding[] }
type Coding = { readonly system?: string; readonly code?: string; readonly display?: string }
type Quantity = {
  readonly value?: unknown
  readonly comparator?: string
  readonly unit?: string
  readonly code?: string
}

/** An Observation or a component, whose numbers keep their text. */
export type Valued = {
  readonly code?: Concept
  readonly dataAbsentReason?: Concept
  readonly [value: `value${string}`]: unknown
}

export const hasValue = (valued: object): boolean => Object.keys(valued).some(name => name.startsWith('value'))

/** How coded answers are written. */
export type Answers = {
  readonly concept: (concept: Concept | undefined) => string | undefined
  readonly truth: (isTrue: boolean) => string
  readonly statistic: (words: string) => string
}

/** As they were sent. */
export const plainAnswers: Answers = {
  concept: concept => nameOf(concept),
  truth: String,
  statistic: words => words,
}

/** Its value and unit: a number in its own digits, and a value that is neither number nor text as JSON. */
export const valueCells = (
  valued: Valued,
  answers = plainAnswers,
): readonly [value: Cell, unit?: string | undefined] => {
  const name = Object.keys(valued).find(one => one.startsWith('value')) as `value${string}` | undefined
  if (name === undefined) return [undefined]
  const value = valued[name]
  switch (name) {
    case 'valueQuantity': {
      const { value: number, comparator, unit, code } = value as Quantity
      const digits = decimalText(number) ?? ''
      return [{ digits, ...(comparator !== undefined && { comparator }) }, unit ?? code]
    }
    case 'valueCodeableConcept':
      return [answers.concept(value as Concept)]
    case 'valueBoolean':
      return [answers.truth(value === true)]
    case 'valueInteger':
      return [{ digits: decimalText(value) ?? '' }]
    case 'valueSampledData': {
      const { unit, code } = (value as { readonly origin?: Quantity }).origin ?? {}
      return [JSON.stringify(value), unit ?? code]
    }
    default:
      return [typeof value === 'object' ? JSON.stringify(value) : String(value)]
  }
}

/** The name of a code that comes without one; undefined if it is of no known kind. */
export type NameKind = (system: string | undefined, code: string) => string | undefined

/** The concept in its sender's words, or else the name of its kind: the names that we give to codes are in English, and those of LOINC are long. */
export const whatOf = ({ text, coding = [] }: Concept = {}, nameKind: NameKind): string | undefined =>
  (text !== undefined && !isGivenText(text, coding) ? text : undefined) ??
  coding.find(one => one.display !== undefined && !isGivenName(one))?.display ??
  coding.map(({ system, code = '' }) => nameKind(system, code)).find(name => name !== undefined) ??
  text ??
  coding.find(({ display }) => display !== undefined)?.display

export const nameOf = ({ text, coding = [] }: Concept = {}): string | undefined =>
  text ?? coding.find(({ display }) => display !== undefined)?.display ?? coding[0]?.code

export const codeOf = ({ coding: [first] = [] }: Concept = {}): string | undefined =>
  first && [first.system, first.code].filter(Boolean).join('|')
