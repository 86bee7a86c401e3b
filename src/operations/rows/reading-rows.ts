import type { Extension, Reference, Resource } from '@medplum/fhirtypes'
import { deviceName } from '../../fhir/display-name.ts'
import { statisticWords } from '../../fhir/measured/descriptive-statistic.ts'
import { type Cell, csv, utf8Mark } from './csv.ts'
import { type Timed, timeCells } from './time-cells.ts'
import {
  type Answers,
  type Concept,
  codeOf,
  hasValue,
  type NameKind,
  plainAnswers,
  type Valued,
  valueCells,
  whatOf,
} from './value-cells.ts'

/** An Observation of which numbers have kept their text. */
export type Reading = Valued &
  Timed & {
    readonly id: string
    readonly status?: string
    readonly bodySite?: Concept
    readonly device?: Reference
    readonly contained?: readonly Resource[]
    readonly component?: readonly Valued[]
    readonly extension?: readonly Extension[]
  }

type Named = {
  readonly nameKind: NameKind
  /** The name of a Device, by its reference; undefined if it has none, or may not be seen. */
  readonly nameDevice: (reference: string) => string | undefined
  /** As they were sent, if absent. */
  readonly answers?: Answers
}

const columns = ['start', 'end', 'what', 'code', 'part', 'value', 'unit', 'device', 'status', 'observation', 'absent']

/**
 * Rows of Observations, one for each value of their own or of a component. `part`: for a statistic, which one it is; `absent`: why there is no
 * value.
 */
export const readingRows = function* (readings: readonly Reading[], named: Named): Iterable<readonly Cell[]> {
  for (const reading of readings) yield* rowsOf(reading, named)
}

const rowsOf = (
  reading: Reading,
  { nameKind, nameDevice, answers = plainAnswers }: Named,
): readonly (readonly Cell[])[] => {
  const { id, status, code, component = [] } = reading
  const { start, end } = timeCells(reading)
  const device = deviceOf(reading, nameDevice)
  const said = statisticWords(reading)
  const statistic = said && answers.statistic(said)
  const wordOf = (concept: Concept = {}) => whatOf(concept, nameKind) ?? concept.coding?.[0]?.code
  const row = (valued: Valued, part: string | undefined): readonly Cell[] => {
    const [value, unit] = valueCells(valued, answers)
    const which = [part, isFigure(valued) && statistic].filter(Boolean).join(', ') || undefined
    const absent = answers.concept(valued.dataAbsentReason)
    return [start, end, wordOf(code), codeOf(code), which, value, unit, device, status, id, absent]
  }
  const hasOwn = component.length === 0 || hasValue(reading) || reading.dataAbsentReason !== undefined
  return [...(hasOwn ? [row(reading, undefined)] : []), ...component.map(one => row(one, wordOf(one.code)))]
}

/** A posture is not the maximum of several. */
const isFigure = ({ valueCodeableConcept, valueBoolean }: Valued): boolean =>
  valueCodeableConcept === undefined && valueBoolean === undefined

/** The device, even if it only has a number for a name, or is contained in the Observation. */
const deviceOf = ({ device, contained = [] }: Reading, nameDevice: Named['nameDevice']): string | undefined => {
  const { display, reference = '', identifier } = device ?? {}
  const own = contained.find(one => one.resourceType === 'Device' && `#${one.id}` === reference)
  const name = display ?? (own?.resourceType === 'Device' ? deviceName(own) : nameDevice(reference))
  return name || reference || identifier?.value
}

/** The header, with the mark by which spreadsheets recognise UTF-8. */
export const readingsHeader = `${utf8Mark}${csv([columns])}`
