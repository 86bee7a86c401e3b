import type { Observation } from '@medplum/fhirtypes'
import { momentsOf } from '../../fhir/date.ts'
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
  /** When the newest one that is not of the future was measured, as in FHIR; undefined if none of the last ones says it. */
  readonly measured: string | undefined
  /** Id of the Device that this one names. */
  readonly device: string | undefined
  /** Ids of the Devices that the last ones name. */
  readonly devices: ReadonlySet<string>
}

type Measures = {
  readonly byKind: ReadonlyMap<string, OwnMeasures>
  /** Whether there is no other kind. */
  readonly areAll: boolean
}

/**
 * The kinds of which somebody has readings, however many these are. Of kinds that are too many for one answer, those that were measured last. What was
 * entered in error is no reading.
 */
export const ownMeasures = async (
  { store, patient }: Pick<OwnRecord, 'store' | 'patient'>,
  { registry, codeClasses: { kindOf } }: Pick<OwnParts, 'registry' | 'codeClasses'>,
): Promise<Measures> => {
  const query = new URLSearchParams({ 'status:not': mistakenStatuses.join(',') })
  const where = and(parseCriteria(registry, 'Observation', query))
  const ask = (most: Most) =>
    unlessRefused(() => store.lastn({ where, patients: [patient], applied: [...query], ...most }))
  // Of readings that come from several devices in turn, each of these is among the last.
  const all = await ask({ max: 10 })
  const found = all ?? (await ask({ max: 1, newest: mostNewest })) ?? []
  const readings = found.map(({ content }) => parseJson(content) as Observation)
  const ofKinds = readings.flatMap(one => [...kindsIn(one, kindOf)].map(([kind, display]) => ({ kind, display, one })))
  const now = Date.now()
  const byKind = new Map(
    [...Map.groupBy(ofKinds, ({ kind }) => kind)].map(([kind, of]) => [kind, measuresOf(of, now)] as const),
  )
  return { byKind, areAll: all !== undefined }
}

type Most = { readonly max: number; readonly newest?: number }

/** As many as somebody reads. */
const mostNewest = 200

const kindsIn = ({ code }: Observation, kindOf: CodeClasses['kindOf']): ReadonlyMap<string, string | undefined> =>
  new Map(
    (code.coding ?? []).flatMap(one => {
      const kind = kindOf(one.system, one.code ?? '')
      return kind === undefined ? [] : [[kind, code.text ?? one.display] as const]
    }),
  )

/** The newest first. */
type Readings = readonly { readonly display: string | undefined; readonly one: Observation }[]

const measuresOf = (readings: Readings, now: number): OwnMeasures => {
  const devices = readings.map(({ one }) => namedId(one.device, 'Device'))
  const measured = readings.map(({ one }) => measuredIn(one))
  const newest = measured.findIndex(time => time !== undefined && hasBegun(time, now))
  return {
    display: readings[0]?.display,
    measured: measured[newest],
    device: devices[newest],
    devices: new Set(devices.filter(id => id !== undefined)),
  }
}

const measuredIn = ({ effectiveDateTime, effectivePeriod, effectiveInstant }: Observation): string | undefined =>
  effectiveDateTime ?? effectivePeriod?.start ?? effectiveInstant

/** A day begins in the east while it is still the day before in UTC. The clock of a device may be wrong. */
const hasBegun = (time: string, now: number): boolean => {
  const low = momentsOf(time)?.low ?? Number.NaN
  return low <= (time.includes('T') ? now : now + mostEasternMs)
}

const mostEasternMs = 14 * 60 * 60 * 1000
