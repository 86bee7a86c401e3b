import type { Observation, ObservationComponent } from '@medplum/fhirtypes'

/** A reading as a row of a table: what is no number is its text. */
export type ReadingRow = {
  readonly id: string
  readonly patient: string
  readonly code: string
  readonly name: string
  readonly start: string
  readonly end: string
  readonly value: number | string
  readonly unit: string
  readonly source: string
  readonly status: string
}

export const readingColumns = [
  'id',
  'patient',
  'code',
  'name',
  'start',
  'end',
  'value',
  'unit',
  'source',
  'status',
] as const satisfies readonly (keyof ReadingRow)[]

/** A row for the Observation's own value, and one for each component; one without a value where there is none at all. */
export const rowsOf = (observation: Observation): readonly ReadingRow[] => {
  const { component = [] } = observation
  const own = hasValue(observation) || component.length === 0 ? [observation] : []
  return [...own, ...component].map(part => ({ ...facts(observation), ...conceptOf(part), ...measured(part) }))
}

type Part = Observation | ObservationComponent

const facts = ({ id = '', subject, device, status = 'unknown', ...times }: Observation) => {
  const { effectiveDateTime, effectiveInstant, effectivePeriod } = times
  return {
    id,
    patient: subject?.reference?.replace(/^Patient\//, '') ?? '',
    start: effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.start ?? '',
    end: effectivePeriod?.end ?? '',
    source: device?.reference ?? '',
    status,
  }
}

const conceptOf = ({ code: { coding: [first] = [], text } }: Part) => ({
  code: first?.code === undefined ? '' : first.system === undefined ? first.code : `${first.system}|${first.code}`,
  name: text ?? first?.display ?? '',
})

const hasValue = (part: Part): boolean => Object.keys(part).some(name => name.startsWith('value'))

const measured = (part: Part): Pick<ReadingRow, 'value' | 'unit'> => {
  const { valueQuantity, valueInteger, valueString, valueCodeableConcept, valueBoolean, valueDateTime } = part
  if (valueQuantity !== undefined)
    return { value: valueQuantity.value ?? '', unit: valueQuantity.unit ?? valueQuantity.code ?? '' }
  const concept = valueCodeableConcept?.text ?? valueCodeableConcept?.coding?.[0]?.display
  const value =
    valueInteger ?? valueString ?? concept ?? valueDateTime ?? (valueBoolean === undefined ? '' : `${valueBoolean}`)
  return { value, unit: '' }
}
