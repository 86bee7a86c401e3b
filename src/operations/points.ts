import { canonicalBase } from '../fhir/canonical.ts'
import { bounded } from '../fhir/date.ts'
import { FhirError } from '../fhir/error.ts'
import { eachInSteps, inSteps } from '../fhir/give-way.ts'
import { parseInSteps } from '../fhir/json-pieces.ts'
import { bundleChunks } from '../interactions/bundle/bundle-text.ts'
import { type Point, pointsOf } from '../mhealth/points.ts'
import { refusal } from '../search/refusal.ts'
import { isPresentationName } from '../search/result-parameter.ts'
import { intervalIn, parseWholeNumber } from '../search/written-value.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, primitivesOf, requireKnown } from './parameters.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-points.json`. */
export const points: Operation = {
  name: 'points',
  definition: `${canonicalBase}/OperationDefinition/Observation-points`,
  at: { instance: 'r' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters }),
  documentation:
    'The single measurements that one Observation contains, as SampledData or as an Open mHealth data series, each as an Observation of its own, in pages.',
  handler: async (request, { store, mhealth, base }) => {
    if (!('id' in request)) throw new FhirError('not-supported', '$points is asked of one Observation')
    const asked = parsePoints(primitivesOf(request, parameters))
    const presentation = [...request.query].filter(([name]) => isPresentationName(name))
    const { content } = await store.read('Observation', request.id)
    const holding = (await parseInSteps(content)) as Readonly<Record<string, unknown>>
    const found = (await inSteps(pointsOf(mhealth, holding))).filter(isInPeriod(asked))
    const page = found.slice(asked.offset, asked.offset + asked.count)
    const pageAt = (offset: number) =>
      `${base}/Observation/${request.id}/$points?${new URLSearchParams([...queryOf(asked, offset), ...presentation])}`
    const next = asked.offset + asked.count
    const link = [
      { relation: 'self' as const, url: pageAt(asked.offset) },
      ...(next < found.length ? [{ relation: 'next' as const, url: pageAt(next) }] : []),
    ]
    const entries = await inSteps(eachInSteps(page, point => JSON.stringify({ resource: point.toObservation() })))
    return { status: 200, body: { kind: 'chunks', chunks: bundleChunks({ type: 'collection', link }, entries) } }
  },
}

type PointsAsked = {
  readonly given: URLSearchParams
  readonly from: number
  readonly to: number
  readonly count: number
  readonly offset: number
}

const parameters: ParameterTypes = { start: 'date', end: 'date', _count: 'integer', _offset: 'integer' }

const parsePoints = (given: URLSearchParams): PointsAsked => {
  requireKnown('points', given, Object.keys(parameters))
  return {
    given,
    from: timeOf(given, 'start')?.from ?? -Infinity,
    to: timeOf(given, 'end')?.to ?? Infinity,
    count: numberOf(given, '_count', { usual: 1000, least: 1, most: 5000 }),
    offset: numberOf(given, '_offset', { usual: 0, least: 0, most: 1e9 }),
  }
}

const timeOf = (given: URLSearchParams, name: string) => {
  const text = only(given, name)
  const interval = text === undefined ? undefined : intervalIn(text)
  if (text !== undefined && interval === undefined) throw refusal(name, `${name} is a date or dateTime, not "${text}"`)
  if (interval === undefined) return undefined
  const { low, high } = bounded(interval)
  return { from: Date.parse(low), to: Date.parse(high) }
}

type Limits = { readonly usual: number; readonly least: number; readonly most: number }

const numberOf = (given: URLSearchParams, name: string, { usual, least, most }: Limits): number => {
  const text = only(given, name)
  if (text === undefined) return usual
  return parseWholeNumber(name, text, { least, most })
}

/** A point without a time is in no period, but is included if no period is given. */
const isInPeriod =
  ({ from, to }: PointsAsked) =>
  ({ start }: Point): boolean =>
    start === undefined ? from === -Infinity && to === Infinity : start >= from && start < to

const queryOf = ({ given, count }: PointsAsked, offset: number): URLSearchParams => {
  const kept = [...given].filter(([name]) => name === 'start' || name === 'end')
  return new URLSearchParams([...kept, ['_count', String(count)], ['_offset', String(offset)]])
}
