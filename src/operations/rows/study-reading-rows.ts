import type { Extension } from '@medplum/fhirtypes'
import { statisticWords } from '../../fhir/measured/descriptive-statistic.ts'
import type { Cell } from './csv.ts'
import { type Timed, timeCells } from './time-cells.ts'
import { codeOf, hasValue, type NameKind, nameOf, type Valued, valueCells, whatOf } from './value-cells.ts'

export type StudyReading = Valued &
  Timed & {
    readonly id?: string
    readonly status?: string
    readonly subject?: { readonly reference?: string }
    readonly device?: { readonly reference?: string }
    readonly component?: readonly Valued[]
    readonly extension?: readonly Extension[]
  }

type Named = {
  readonly nameKind: NameKind
  /** The codes by which the study knows the Patient of a reference. */
  readonly codesOf: (reference: string) => readonly string[]
}

/** A reading of a study as a row of a table. */
type ReadingRow = Readonly<Record<(typeof readingColumns)[number], Cell>>

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
  'statistic',
  'absent',
  'study_code',
] as const

/** A row for the Observation's own value, and one for each component; a row without a value if there are none at all, or if it is said why. */
export const rowsOf = (reading: StudyReading, { nameKind, codesOf }: Named): readonly ReadingRow[] => {
  const { subject, component = [] } = reading
  const study_code = codesOf(subject?.reference ?? '').join(', ')
  const isTold = hasValue(reading) || reading.dataAbsentReason !== undefined || component.length === 0
  const own = isTold ? [reading] : []
  return [...own, ...component].map(part => ({
    ...factsOf(reading),
    ...conceptOf(part, nameKind),
    ...measured(part),
    study_code,
  }))
}

const factsOf = (reading: StudyReading) => {
  const { id, subject, device, status } = reading
  return {
    id,
    patient: subject?.reference?.replace(/^Patient\//, ''),
    ...timeCells(reading),
    source: device?.reference,
    status,
    statistic: statisticWords(reading),
  }
}

const conceptOf = ({ code }: Valued, nameKind: NameKind) => ({ code: codeOf(code), name: whatOf(code, nameKind) })

const measured = (part: Valued) => {
  const [value, unit] = valueCells(part)
  return { value, unit, absent: nameOf(part.dataAbsentReason) }
}
