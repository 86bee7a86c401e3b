import type { Observation } from '@medplum/fhirtypes'
import { extensions, standardExtensions } from '../fhir/canonical.ts'
import { atOnce, eachInSteps, type Steps } from '../fhir/give-way.ts'
import { instantOf } from './date-time.ts'
import { effectiveOf } from './effective.ts'
import { asList, asRecord, type JsonRecord } from './json-tree.ts'
import type { Mhealth } from './mhealth.ts'
import { samplesOf } from './samples.ts'

/** One of the measurements that an Observation holds. */
export type Point = {
  /** In ms since 1970; undefined if it is not known. */
  readonly start: number | undefined
  /**
   * The point as if it had been sent alone. It has no id and no document, and names the Observation that holds it as the one from which it is
   * derived.
   */
  readonly toObservation: () => Observation
}

/**
 * The points of a data series are its elements, each as if its document were its own; those of SampledData its moments. Any other Observation is
 * its own only point.
 */
export const pointsOf = function* (
  mhealth: Pick<Mhealth, 'documentOf' | 'receive'>,
  holding: JsonRecord,
): Steps<readonly Point[]> {
  const document = yield* mhealth.documentOf(holding)
  const derivedFrom = [{ reference: `Observation/${holding.id}` }]
  const finished = (point: JsonRecord) => ({ ...pruned(point), derivedFrom }) as unknown as Observation
  if (document === undefined || document.plain.form !== 'series')
    return yield* eachInSteps(yield* samplesOf(holding), ({ start, elements }) => ({
      start,
      toObservation: () => finished({ ...without(holding, ...measured), ...elements() }),
    }))
  const { header } = document.exact
  return yield* eachInSteps(document.exact.bodies, body => ({
    start: startOf(body),
    toObservation: () => {
      const data = Buffer.from(JSON.stringify({ header, body })).toString('base64')
      const alone = { ...without(holding, ...measured, 'extension', 'identifier'), valueAttachment: { data } }
      return finished(atOnce(mhealth.receive(alone)).under('accept-with-warning').resource as unknown as JsonRecord)
    },
  }))
}

const startOf = (body: unknown): number | undefined => {
  const element = effectiveOf(asRecord(body) ?? {})?.element
  if (element === undefined) return undefined
  const text = 'effectiveDateTime' in element ? element.effectiveDateTime : element.effectivePeriod.start
  return text === undefined ? undefined : instantOf(text)
}

/** The elements that differ between points. */
const measured = ['effectivePeriod', 'effectiveDateTime', 'effectiveInstant', 'valueSampledData', 'component']

const pruned = ({ meta, extension, ...point }: JsonRecord): JsonRecord => {
  const security = asRecord(meta)?.security
  const kept = asList(extension).filter(one => !ofDocument.has(asRecord(one)?.url))
  return {
    ...(security === undefined ? {} : { meta: { security } }),
    ...without(point, 'id', 'text', 'identifier', 'hasMember', 'derivedFrom'),
    ...(kept.length === 0 ? {} : { extension: kept }),
  }
}

const ofDocument: ReadonlySet<unknown> = new Set([standardExtensions.observationValue, extensions.documentRepair])

const without = (record: JsonRecord, ...names: readonly string[]): JsonRecord =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
