import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'

/** What must hold of what is there; else a write is refused with 412. */
export type Conditions = {
  /** The current version or several of which one is that, or `*` for whichever that is: there must be one. */
  readonly ifMatch?: string | readonly string[]
  /** Only where there is none yet. */
  readonly ifNone?: true
  /** In ms; to the second, as HTTP tells it. */
  readonly ifUnmodifiedSince?: number
}

type Found = {
  readonly type: ResourceType
  readonly id: string
  readonly versionId: string
  readonly lastUpdated: Date
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-preconditions: throws 412 where what is there is not what the write is meant for. */
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

/** A Last-Modified that was read has no parts of a second. */
const toSecond = (time: Date): number => time.getTime() - (time.getTime() % 1000)
