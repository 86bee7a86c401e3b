import type { Period } from '@medplum/fhirtypes'
import { holds, type Interval, isBefore } from '../fhir/date.ts'

/** That one kind of data from one source, measured within `data`, may be read during `valid`. */
export type Permit = {
  /** A kind of Observations, or a type of other resources (`kindOfType`). */
  readonly kind: string
  /** Id of the source Device; undefined: from any. */
  readonly device: string | undefined
  readonly data: Interval
  readonly valid: Interval
  /** Organizations that may receive it; empty: those of the grantee. */
  readonly recipients: readonly string[]
  /** Its place in the Consent. */
  readonly expression: string
}

export type Deny = {
  readonly isOf: (kind: string) => boolean
  /** Undefined: every device. */
  readonly devices: ReadonlySet<string> | undefined
  readonly data: Interval
  readonly valid: Interval
}

/**
 * What the denies leave of the permits. Each deny is compared with all that is left so far, and may cut each of these into four: beyond
 * the limits nothing is left, and `isTooMuch` is set.
 */
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

/** Each permit of a Consent is compared with each one of the version before. */
export const mostPermits = 3000

/** Enough for a hundred permits and ten thousand denies, or for one permit that fourteen hundred denies cut. */
const mostCompared = 1_000_000

/** Exactly what the deny leaves of the permits; nothing of one for any source where it denies a source, since no Permit means all sources but one. */
export const subtract = (permits: readonly Permit[], deny: Deny): readonly Permit[] =>
  permits.flatMap(permit => (isTouched(permit, deny) ? rest(permit, deny) : [permit]))

const isTouched = ({ kind, device, data, valid }: Permit, deny: Deny): boolean =>
  deny.isOf(kind) &&
  (deny.devices === undefined || device === undefined || deny.devices.has(device)) &&
  !isEmpty(overlapOf(data, deny.data)) &&
  !isEmpty(overlapOf(valid, deny.valid))

/** The data before and after what is denied, at any time; and what is denied, before and after the time of the deny. */
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

/** Whether `other` gives all that `one` gives. */
export const isCoveredBy = (one: Permit, other: Permit): boolean =>
  one.kind === other.kind &&
  (other.device === undefined || one.device === other.device) &&
  holds(other.data, one.data) &&
  holds(other.valid, one.valid)

/** Whether each end has a value or is absent. One that has only an extension, such as an end that is not known, cannot be read as open. */
export const isBounded = (period: Period = {}): boolean =>
  ['start', 'end'].every(name => name in period || !(`_${name}` in period))

export const overlapOf = (one: Interval, other: Interval): Interval => ({
  low: isBefore(one.low, other.low) ? other.low : one.low,
  high: isBefore(one.high, other.high) ? one.high : other.high,
})

const isEmpty = ({ low, high }: Interval): boolean => !isBefore(low, high)
