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
  /** How the study knows the human of a Patient's reference. */
  readonly personOf: (reference: string) => KnownPerson
}

type KnownPerson = {
  /** The id of the Patient that it enrolled, of which that of a reading may be another record; undefined if the reader may not know. */
  readonly patient: string | undefined
  readonly codes: readonly string[]
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
export const rowsOf = (reading: StudyReading, { nameKind, personOf }: Named): readonly ReadingRow[] => {
  const { subject, component = [] } = reading
  const { patient, codes } = personOf(subject?.reference ?? '')
  const isTold = hasValue(reading) || reading.dataAbsentReason !== undefined || component.length === 0
  const own = isTold ? [reading] : []
  return [...own, ...component].map(part => ({
    ...factsOf(reading),
    ...(patient !== undefined && { patient }),
    ...conceptOf(part, nameKind),
    ...measured(part),
    study_code: codes.join(', '),
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
