import type { Period } from '@medplum/fhirtypes'
import { type Interval, isBefore } from '../fhir/date.ts'

/** One kind from one source, measured in `data`, readable during `valid`. */
export type Permit = {
  /** Of Observations, or a type of other resources (`kindOfType`). */
  readonly kind: string
  /** Id of the source Device; undefined: from any. */
  readonly device: string | undefined
  readonly data: Interval
  readonly valid: Interval
  /** Organizations that may receive it; empty: those of the grantee. */
  readonly recipients: readonly string[]
  /** Where in the Consent it stands. */
  readonly expression: string
}

/** Undefined stands for every device. */
export type Deny = {
  readonly isOf: (kind: string) => boolean
  readonly devices: ReadonlySet<string> | undefined
  readonly data: Interval
  readonly valid: Interval
}

/** What is left of all of them; nothing where to tell it is a load: each deny is held against all that is left, and may cut each in four. */
export const lessDenied = (
  asked: readonly Permit[],
  denies: readonly Deny[],
): { readonly permits: readonly Permit[]; readonly isTooMuch: boolean } => {
  let permits = asked
  let compared = 0
  for (const deny of denies) {
    compared += permits.length
    if (compared > mostCompared || permits.length > mostPermits) break
    permits = subtract(permits, deny)
  }
  const isTooMuch = compared > mostCompared || permits.length > mostPermits
  return { permits: isTooMuch ? [] : permits, isTooMuch }
}

/** Those of one Consent are held against those of its version before, each against each. */
export const mostPermits = 3000

/** Some hundred permits and ten thousand denies, or one that fourteen hundred denies cut. */
const mostCompared = 1_000_000

/** What is left of the permits: exactly, or nothing where the rest is no permit of ours (all sources but one). */
export const subtract = (permits: readonly Permit[], deny: Deny): readonly Permit[] =>
  permits.flatMap(permit => (isTouched(permit, deny) ? rest(permit, deny) : [permit]))

const isTouched = ({ kind, device, data, valid }: Permit, deny: Deny): boolean =>
  deny.isOf(kind) &&
  (deny.devices === undefined || device === undefined || deny.devices.has(device)) &&
  !isEmpty(overlapOf(data, deny.data)) &&
  !isEmpty(overlapOf(valid, deny.valid))

/** Before and after the denied data for all of the time, and the denied data before and after the time of the deny. */
const rest = (permit: Permit, deny: Deny): readonly Permit[] => {
  if (deny.devices !== undefined && permit.device === undefined) return []
  const data = overlapOf(permit.data, deny.data)
  return [
    { ...permit, data: { low: permit.data.low, high: data.low } },
    { ...permit, data: { low: data.high, high: permit.data.high } },
    { ...permit, data, valid: { low: permit.valid.low, high: deny.valid.low } },
    { ...permit, data, valid: { low: deny.valid.high, high: permit.valid.high } },
  ].filter(({ data, valid }) => !isEmpty(data) && !isEmpty(valid))
}

/** All that the one opens the other does as well. */
export const isCoveredBy = (one: Permit, other: Permit): boolean =>
  one.kind === other.kind &&
  (other.device === undefined || one.device === other.device) &&
  holds(other.data, one.data) &&
  holds(other.valid, one.valid)

/** Whether its bounds are there, or absent: one that is there without a value, such as an end that is not known, is none to be guessed. */
export const isBounded = (period: Period = {}): boolean =>
  ['start', 'end'].every(name => name in period || !(`_${name}` in period))

const holds = (outer: Interval, inner: Interval): boolean =>
  !isBefore(inner.low, outer.low) && !isBefore(outer.high, inner.high)

export const overlapOf = (one: Interval, other: Interval): Interval => ({
  low: isBefore(one.low, other.low) ? other.low : one.low,
  high: isBefore(one.high, other.high) ? one.high : other.high,
})

const isEmpty = ({ low, high }: Interval): boolean => !isBefore(low, high)
