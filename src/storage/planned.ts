import type { Resource, ResourceType } from '@medplum/fhirtypes'

/** What is going to be written, as far as that is known before the first of it is. */
export type Planned = {
  readonly type: ResourceType
  /** Absent if it is created under an id that nobody knows yet. */
  readonly id?: string | undefined
  /** Absent if it is deleted or patched. */
  readonly resource?: Resource | undefined
  readonly isDeleted?: boolean
}
