import type { Resource, ResourceType, Subscription } from '@medplum/fhirtypes'
import { FhirError, type Issue } from '../fhir/error.ts'
import { isError, validate } from '../fhir/validate/validate.ts'
import type { UploadKey } from '../storage/store.ts'
import type { Context } from './interaction.ts'
import { receiveSubscription } from './subscription.ts'

/** A resource that may be written, and what there is to say about it all the same. */
export type Incoming = {
  readonly resource: Resource
  readonly uploadKey?: UploadKey
  readonly warnings: readonly Issue[]
}

/** Takes a body as a resource of the type: Open mHealth documents get their FHIR face, and all must be valid R4. */
export const parseIncoming = (type: ResourceType, body: unknown, context: Context): Incoming => {
  const { registry, mhealth } = context
  const sent = resourceOf(type, body)
  const received = type === 'Observation' ? mhealth.receive(sent) : undefined
  const resource = received?.resource ?? sent
  const issues = [...(received?.issues ?? []), ...validate(registry, resource)]
  const errors = issues.filter(isError)
  const [first, ...rest] = [...errors, ...issues.filter(issue => !isError(issue))]
  if (first !== undefined && errors.length > 0) throw FhirError.of([first, ...rest])
  const uploadKey = received?.uploadKey
  const taken = type === 'Subscription' ? receiveSubscription(resource as Subscription, context) : resource
  return { resource: taken, warnings: issues, ...(uploadKey === undefined ? {} : { uploadKey }) }
}

const resourceOf = (type: ResourceType, body: unknown): Resource => {
  if (typeof body !== 'object' || body === null || Array.isArray(body) || !('resourceType' in body)) {
    throw new FhirError('structure', `The body must be a ${type} as a JSON object with its resourceType`)
  }
  if (body.resourceType !== type) {
    throw new FhirError('invalid', `The body is a ${JSON.stringify(body.resourceType)}, not a ${type}`, {
      expression: 'resourceType',
    })
  }
  return body as Resource
}
