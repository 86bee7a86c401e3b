import type { CodeableConcept, Observation, ObservationComponent, Period } from '@medplum/fhirtypes'
import { kindOfType } from '../../access/shared-type.ts'
import {
  around,
  holds,
  type Interval,
  intervalOf,
  intervalOfPeriod,
  intervalOfTiming,
  isBefore,
} from '../../fhir/date.ts'
import { decimalText } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { type Statistic, statisticOf } from '../../fhir/measured/descriptive-statistic.ts'
import { parseReference } from '../../fhir/reference.ts'
import { isEndUnknown } from '../../fhir/unknown-end.ts'
import { lastingOf } from './observation-lasting.ts'
import { unitKey } from './unit.ts'

/** What consents and the hot searches ask about an Observation, before it has numbers of the dictionaries. */
export type ObservationFacts = Interval & {
  /** A consent must cover all of them. Empty means unknown, which no consent covers. */
  readonly kinds: ReadonlySet<string>
  /** Id of the Device that it names. */
  readonly device: string | undefined
  /** Whether more must be covered than one kind at its effective time: it is of several kinds, was derived from others, or lasts longer. */
  readonly isJoint: boolean
  /** The time that a consent must cover; undefined if that is its effective time. */
  readonly lasting: Interval | undefined
  readonly statistic: number
  readonly codes: readonly CodeFact[]
}

/** One class (empty: it has no coded code) of the Observation's own code (component 0) or of the code of its n-th component. */
type CodeFact = {
  readonly component: number
  readonly key: string
  readonly value: string | undefined
  /** The dictionary's key of the value's unit. */
  readonly unit: string | undefined
  /** Whether the value is no single number, so that only the body has it. */
  readonly isRange: boolean
}

/** In place of the unit of such a value; the dictionary begins with 1. */
export const unitOfRanges = 0

/** The column `component` holds no greater number. */
export const mostComponents = 32_767

/** Each is looked up, and has a row of its own: two for each component, which is more than anybody has. */
export const mostCodings = 65_536

/** The numbers in the column `statistic`: the higher, the less it is a reading. */
export const statisticNumbers: Readonly<Record<Statistic, number>> = { measured: 0, average: 1, other: 2 }

export const observationFacts = (classes: CodeClasses, observation: Observation): ObservationFacts => {
  const kinds = kindsOf(classes, observation)
  const effective = effectiveOf(observation)
  const lasting = wholeLastingOf(observation, measuredOf(observation))
  return {
    ...effective,
    kinds,
    device: deviceOf(observation),
    isJoint: kinds.size > 1 || (observation.derivedFrom?.length ?? 0) > 0 || !holds(effective, lasting),
    lasting: isSame(lasting, effective) ? undefined : lasting,
    statistic: statisticNumbers[statisticOf(observation)],
    codes: [
      ...codeFacts(classes, 0, observation),
      ...(observation.component ?? []).flatMap((component, index) => codeFacts(classes, index + 1, component)),
    ],
  }
}

const unknownTime: Interval = { low: '-infinity', high: 'infinity' }

const effectiveOf = (observation: Observation): Interval => {
  const { effectiveDateTime, effectiveInstant, effectivePeriod, effectiveTiming } = observation
  const instant = effectiveDateTime ?? effectiveInstant
  if (instant !== undefined) return intervalOf(instant) ?? unknownTime
  if (effectivePeriod !== undefined) return intervalOfEffective(effectivePeriod)
  return (effectiveTiming && intervalOfTiming(effectiveTiming)) ?? unknownTime
}

/** A Period that ended nobody knows when counts as its beginning: no search takes it for going on. */
const intervalOfEffective = (period: Period): Interval =>
  (isEndUnknown(period) && intervalOf(period.start ?? '')) || intervalOfPeriod(period)

/**
 * The same for consents. A Period ends at the moment that its end names, and not after the second that this moment means: the total of a day, which
 * ends as the next day begins, was measured on its own day. One of no length is a moment as any other.
 */
const measuredOf = (observation: Observation): Interval => {
  const { low, high } = effectiveOf(observation)
  const { end } = observation.effectivePeriod ?? {}
  const named = end?.includes('T') ? intervalOf(end)?.low : undefined
  return named !== undefined && isBefore(low, named) ? { low, high: named } : { low, high }
}

/** Including the Observations that it contains; one of these that has no time was measured at the same time. */
const wholeLastingOf = (observation: Observation, measured: Interval): Interval =>
  containedIn(observation).reduce((span, one) => {
    const own = isTimed(one) ? measuredOf(one) : measured
    return around(span, lastingOf(one, own) ?? own)
  }, lastingOf(observation, measured) ?? measured)

const isSame = (one: Interval, other: Interval): boolean => one.low === other.low && one.high === other.high

const isTimed = (observation: Observation): boolean =>
  Object.keys(observation).some(name => /^_?effective[A-Z]/.test(name))

const containedIn = ({ contained = [] }: Observation): readonly Observation[] =>
  contained.filter(one => one.resourceType === 'Observation')

/** Whether it contains data of other types, which a consent to a kind does not cover. What was examined, and whoever else is named, only describes the measurement. */
const hasOtherData = ({ contained = [] }: Observation): boolean =>
  contained.some(({ resourceType: type }) => !describing.has(type) && kindOfType(type) !== undefined)

const describing: ReadonlySet<string> = new Set(['BodyStructure', 'RelatedPerson', 'Specimen'])

/**
 * The kinds of the code, of every component that has one, and of the Observations that it contains. None at all if its own code, or that of one of
 * them, has no kind, or if it contains other data.
 */
const kindsOf = (classes: CodeClasses, observation: Observation): ReadonlySet<string> => {
  const { code, component = [] } = observation
  const own = kindsOfConcept(classes, code)
  const others = containedIn(observation).map(one => kindsOf(classes, one))
  return own.length === 0 || hasOtherData(observation) || others.some(({ size }) => size === 0)
    ? new Set()
    : new Set([
        ...own,
        ...component.flatMap(one => kindsOfConcept(classes, one.code)),
        ...others.flatMap(one => [...one]),
      ])
}

const kindsOfConcept = (classes: CodeClasses, concept: CodeableConcept | undefined): readonly string[] =>
  (concept?.coding ?? []).flatMap(({ system, code }) =>
    code === undefined ? [] : (classes.kindOf(system, code) ?? []),
  )

/** Undefined if an Observation that it contains comes from another device. */
const deviceOf = (observation: Observation): string | undefined => {
  const [own, ...others] = [observation, ...containedIn(observation).filter(one => one.device !== undefined)].map(
    ownDeviceOf,
  )
  return others.every(one => one === own) ? own : undefined
}

const ownDeviceOf = ({ device }: Observation): string | undefined => {
  const parsed = device?.reference === undefined ? undefined : parseReference(device.reference)
  return parsed !== undefined && 'type' in parsed && parsed.type === 'Device' ? parsed.id : undefined
}

const codeFacts = (
  classes: CodeClasses,
  component: number,
  { code, ...values }: Observation | ObservationComponent,
): readonly CodeFact[] => {
  const keys = new Set(
    (code?.coding ?? []).flatMap(coding =>
      coding.code === undefined ? [] : classes.classOf(coding.system, coding.code),
    ),
  )
  return [...(keys.size === 0 ? [''] : keys)].map(key => ({ component, key, ...measureOf(values) }))
}

const measureOf = ({
  valueQuantity,
  valueSampledData,
}: Omit<ObservationComponent, 'code'>): Omit<CodeFact, 'component' | 'key'> => {
  const value = decimalText(valueQuantity?.value)
  const unit = unitKey(valueQuantity ?? valueSampledData?.origin ?? {})
  const isRange = valueSampledData !== undefined || (value !== undefined && valueQuantity?.comparator !== undefined)
  if (isRange) return { value: undefined, unit, isRange }
  return { value, unit: value === undefined ? undefined : unit, isRange }
}
