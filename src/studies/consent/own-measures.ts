import type { Observation } from '@medplum/fhirtypes'
import { unlessRefused } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { mistakenStatuses } from '../../fhir/measured/mistaken.ts'
import { namedId } from '../../fhir/reference.ts'
import { and } from '../../search/expression.ts'
import { parseCriteria } from '../../search/parse.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'

/** The newest readings of a kind. */
export type OwnMeasures = {
  /** What the newest one calls it, for a kind that is not known here. */
  readonly display: string | undefined
  /** When that was measured, as in FHIR; undefined if it does not say it. */
  readonly measured: string | undefined
  /** Id of the Device that it names. */
  readonly device: string | undefined
  /** Ids of the Devices that the last ones name. */
  readonly devices: ReadonlySet<string>
}

/**
 * The kinds of which somebody has readings, however many these are; none if they are too many kinds for one answer. What was entered in error is no
 * reading.
 */
export const ownMeasures = async (
  { store, patient }: Pick<OwnRecord, 'store' | 'patient'>,
  { registry, codeClasses: { kindOf } }: Pick<OwnParts, 'registry' | 'codeClasses'>,
): Promise<ReadonlyMap<string, OwnMeasures>> => {
  // Of readings that come from several devices in turn, each of these is among the last.
  const query = new URLSearchParams({ 'status:not': mistakenStatuses.join(',') })
  const where = and(parseCriteria(registry, 'Observation', query))
  const asked = { where, patients: [patient], max: 10, applied: [...query] }
  const found = (await unlessRefused(() => store.lastn(asked))) ?? []
  const readings = found.map(({ content }) => parseJson(content) as Observation)
  const ofKinds = readings.flatMap(one => [...kindsIn(one, kindOf)].map(([kind, display]) => ({ kind, display, one })))
  return new Map([...Map.groupBy(ofKinds, ({ kind }) => kind)].map(([kind, of]) => [kind, measuresOf(of)] as const))
}

const kindsIn = ({ code }: Observation, kindOf: CodeClasses['kindOf']): ReadonlyMap<string, string | undefined> =>
  new Map(
    (code.coding ?? []).flatMap(one => {
      const kind = kindOf(one.system, one.code ?? '')
      return kind === undefined ? [] : [[kind, code.text ?? one.display] as const]
    }),
  )

/** The newest first. */
type Readings = readonly { readonly display: string | undefined; readonly one: Observation }[]

const measuresOf = (readings: Readings): OwnMeasures => {
  const [newest] = readings
  const devices = readings.map(({ one }) => namedId(one.device, 'Device'))
  const { effectiveDateTime, effectivePeriod, effectiveInstant } = newest?.one ?? {}
  return {
    display: newest?.display,
    measured: effectiveDateTime ?? effectivePeriod?.start ?? effectiveInstant,
    device: devices[0],
    devices: new Set(devices.filter(id => id !== undefined)),
  }
}
