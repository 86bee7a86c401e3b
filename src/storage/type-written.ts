import type { ResourceType } from '@medplum/fhirtypes'
import type { Write } from './store.ts'

/** The type of the resource that a write is about. */
export const typeWritten = (write: Write): ResourceType => ('type' in write ? write.type : write.resource.resourceType)
