import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'

/** What must be true of the stored resource; otherwise the write is refused with 412. */
export type Conditions = {
  /** The current version, or several of which one is it, or `*` for any: there must be one. */
  readonly ifMatch?: string | readonly string[]
  /** There must be none yet. */
  readonly ifNone?: true
  /** In ms since 1970, to the second, as in HTTP. */
  readonly ifUnmodifiedSince?: number
}

type Found = {
  readonly type: ResourceType
  readonly id: string
  readonly versionId: string
  readonly lastUpdated: Date
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-preconditions. Throws FhirError, 412, if the stored resource is not the one that the write is meant for. */
export const checkConditions = (current: Found, conditions: Conditions): void => {
  const failed = failedOf(current, conditions)
  if (failed !== undefined) throw new FhirError('conflict', failed, { status: 412 })
}

export const areMet = (current: Found, conditions: Conditions): boolean => failedOf(current, conditions) === undefined

const failedOf = ({ type, id, versionId, lastUpdated }: Found, { ifMatch, ifNone, ifUnmodifiedSince }: Conditions) => {
  const asked = ifMatch === undefined ? ['*'] : [ifMatch].flat()
  if (!asked.some(one => one === '*' || one === versionId))
    return `If-Match asks for version ${asked.join(' or ')}; the current one is ${versionId}`
  if (ifUnmodifiedSince !== undefined && ifUnmodifiedSince < toSecond(lastUpdated))
    return `${type}/${id} has changed since the time that If-Unmodified-Since names`
  return ifNone ? `${type}/${id} is there already` : undefined
}

/** A Last-Modified has no fractions of a second. */
const toSecond = (time: Date): number => time.getTime() - (time.getTime() % 1000)
