import type { Extension } from '@medplum/fhirtypes'
import { statisticWords } from '../fhir/descriptive-statistic.ts'
import { decimalText, parseJson } from '../fhir/json.ts'
import { type Cell, csv, utf8Mark } from './csv.ts'

type Concept = { readonly text?: string; readonly coding?: readonly Coding[] }
type Coding = { readonly system?: string; readonly code?: string; readonly display?: string }
type Quantity = {
  readonly value?: unknown
  readonly comparator?: string
  readonly unit?: string
  readonly code?: string
}
type Period = { readonly start?: string; readonly end?: string }
type Valued = { readonly code?: Concept; readonly [value: `value${string}`]: unknown }
type Reading = Valued & {
  readonly id: string
  readonly status?: string
  readonly effectiveDateTime?: string
  readonly effectiveInstant?: string
  readonly effectivePeriod?: Period
  readonly device?: { readonly display?: string; readonly reference?: string }
  readonly component?: readonly Valued[]
  readonly extension?: readonly Extension[]
}

/** What a code is called that brings no name of its own; undefined where it is of no known kind. */
export type NameKind = (system: string | undefined, code: string) => string | undefined

const columns = ['start', 'end', 'what', 'code', 'part', 'value', 'unit', 'device', 'status', 'observation']

/** Rows of Observations: one for each value of their own or of a component; `part` says of a statistic which one it is. */
export const readingRows = (contents: readonly string[], nameKind: NameKind): string =>
  csv(contents.flatMap(content => rowsOf(parseJson(content) as Reading, nameKind)))

const rowsOf = (reading: Reading, nameKind: NameKind): readonly (readonly Cell[])[] => {
  const { id, status, code, device, component = [], effectivePeriod } = reading
  const start = reading.effectiveDateTime ?? reading.effectiveInstant ?? effectivePeriod?.start
  const statistic = statisticWords(reading)
  const row = (valued: Valued, part: string | undefined): readonly Cell[] => {
    const [value, unit] = cellsOf(valued)
    const source = device?.display ?? device?.reference
    const which = [part, statistic].filter(Boolean).join(', ') || undefined
    return [start, effectivePeriod?.end, whatOf(code, nameKind), codeOf(code), which, value, unit, source, status, id]
  }
  const hasOwn = component.length === 0 || Object.keys(reading).some(name => name.startsWith('value'))
  return [...(hasOwn ? [row(reading, undefined)] : []), ...component.map(one => row(one, whatOf(one.code, nameKind)))]
}

const whatOf = ({ text, coding = [] }: Concept = {}, nameKind: NameKind): string | undefined =>
  text ??
  coding.find(({ display }) => display !== undefined)?.display ??
  coding.map(({ system, code = '' }) => nameKind(system, code)).find(name => name !== undefined) ??
  coding[0]?.code

const nameOf = ({ text, coding: [first] = [] }: Concept = {}): string | undefined =>
  text ?? first?.display ?? first?.code

const codeOf = ({ coding: [first] = [] }: Concept = {}): string | undefined =>
  first && [first.system, first.code].filter(Boolean).join('|')

const cellsOf = (valued: Valued): readonly [value: Cell, unit?: string | undefined] => {
  const name = Object.keys(valued).find(one => one.startsWith('value')) as `value${string}` | undefined
  if (name === undefined) return [undefined]
  const value = valued[name]
  switch (name) {
    case 'valueQuantity': {
      const { value: number, comparator, unit, code } = value as Quantity
      const digits = decimalText(number) ?? ''
      return [comparator === undefined ? { digits } : `${comparator} ${digits}`, unit ?? code]
    }
    case 'valueCodeableConcept':
      return [nameOf(value as Concept)]
    case 'valueInteger':
      return [{ digits: decimalText(value) ?? '' }]
    default:
      return [typeof value === 'object' ? JSON.stringify(value) : String(value)]
  }
}

/** With the mark by which spreadsheets know that the file is UTF-8. */
export const readingsHeader = `${utf8Mark}${csv([columns])}`
