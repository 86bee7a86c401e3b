import type { CodeableConcept, Observation, ObservationComponent, Period } from '@medplum/fhirtypes'
import { kindOfType } from '../../access/shared-type.ts'
import { around, type Interval, intervalOf, intervalOfPeriod, intervalOfTiming } from '../../fhir/date.ts'
import { decimalText } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { type Statistic, statisticOf } from '../../fhir/measured/descriptive-statistic.ts'
import { parseReference } from '../../fhir/reference.ts'
import { isEndUnknown } from '../../fhir/unknown-end.ts'
import { lastingOf } from './observation-lasting.ts'
import { unitKey } from './unit.ts'

/** What consent and the hot searches ask of an Observation, before the dictionaries have numbered it. */
export type ObservationFacts = Interval & {
  /** All of them must be covered; empty is unknown, and unknown is not covered. */
  readonly kinds: ReadonlySet<string>
  /** Id of the Device that it names. */
  readonly device: string | undefined
  /** More may have to be covered than one kind at its effective time: it is of several kinds, was derived from others, or lasts longer. */
  readonly isJoint: boolean
  /** When all was measured that it tells; absent where its effective time says so. */
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
  /** The value is no single number: only the body has it. */
  readonly isRange: boolean
}

/** Stands for the unit of such a value; the dictionary begins with 1. */
export const unitOfRanges = 0

/** The column `component` holds no greater number. */
export const mostComponents = 32_767

/** As the column `statistic` says it: the more, the less it is a reading. */
export const statisticNumbers: Readonly<Record<Statistic, number>> = { measured: 0, average: 1, other: 2 }

export const observationFacts = (classes: CodeClasses, observation: Observation): ObservationFacts => {
  const kinds = kindsOf(classes, observation)
  const effective = effectiveOf(observation)
  const lasting = wholeLastingOf(observation, effective)
  return {
    ...effective,
    kinds,
    device: deviceOf(observation),
    isJoint: kinds.size > 1 || (observation.derivedFrom?.length ?? 0) > 0 || lasting !== undefined,
    lasting,
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

/** Of one that is over nobody knows when, its beginning: it goes on in no search. */
const intervalOfEffective = (period: Period): Interval =>
  (isEndUnknown(period) && intervalOf(period.start ?? '')) || intervalOfPeriod(period)

/** With what it has in it of others, which do not say again when they were measured where that is the same. */
const wholeLastingOf = (observation: Observation, effective: Interval): Interval | undefined => {
  const whole = containedIn(observation).reduce((span, one) => {
    const own = isTimed(one) ? effectiveOf(one) : effective
    return around(span, lastingOf(one, own) ?? own)
  }, lastingOf(observation, effective) ?? effective)
  return whole.low === effective.low && whole.high === effective.high ? undefined : whole
}

const isTimed = (observation: Observation): boolean =>
  Object.keys(observation).some(name => /^_?effective[A-Z]/.test(name))

const containedIn = ({ contained = [] }: Observation): readonly Observation[] =>
  contained.filter(one => one.resourceType === 'Observation')

/** Such data is shared by its type, which no consent for a kind names. What was examined, and who else there is, describes the measurement. */
const hasOtherData = ({ contained = [] }: Observation): boolean =>
  contained.some(({ resourceType: type }) => !describing.has(type) && kindOfType(type) !== undefined)

const describing: ReadonlySet<string> = new Set(['BodyStructure', 'RelatedPerson', 'Specimen'])

/**
 * The kinds of the code, of every component that has one, and of the Observations that it has in it; none at all where its own code, or
 * that of one of them, has none, or where it has other data in it.
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

/** None where what it has in it comes from another. */
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
