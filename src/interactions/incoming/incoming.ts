import { isDeepStrictEqual } from 'node:util'
import type { Observation, Resource, ResourceType, Subscription } from '@medplum/fhirtypes'
import { FhirError, type Issue } from '../../fhir/error.ts'
import { inSteps } from '../../fhir/give-way.ts'
import { isEnteredInError } from '../../fhir/measured/mistaken.ts'
import { keptFault, soundDiv, withDiv } from '../../fhir/validate/kept-narrative.ts'
import { inverted, keptReferences, replaced } from '../../fhir/validate/kept-reference.ts'
import { isError, validate } from '../../fhir/validate/validate.ts'
import type { Taken } from '../../mhealth/mhealth.ts'
import { defaultPolicy, type ValidationPolicy } from '../../mhealth/policy.ts'
import type { HeaderDevice, UploadKey } from '../../storage/store.ts'
import type { Context } from '../interaction.ts'
import { receiveSubscription } from '../subscription/subscription.ts'
import { withOwnReferences } from './own-reference.ts'
import { refuseUnknownPolicy } from './policy-extension.ts'
import { refuseTooMany } from './too-many.ts'

/** A resource that may be written, and the warnings about it. */
export type Incoming = {
  readonly resource: Resource
  readonly uploadKey?: UploadKey
  readonly device?: HeaderDevice
  /** Codes of the repairs that were made in its document. */
  readonly repairs?: readonly string[]
  readonly warnings: readonly Issue[]
}

/** What validation policies would judge differently. Which of them applies, only the store can tell. */
export type Undecided = {
  /** The Observation as the most lenient policy takes it. */
  readonly asked: Observation
  /** The schema of its document: `omh:heart-rate:2.0`. */
  readonly schema: string
  readonly device?: HeaderDevice
  /** Throws FhirError with what the policy refuses. */
  readonly under: (policy: ValidationPolicy) => Incoming
}

/** Takes a body as a resource of the type, which must be valid R4. If it has an Open mHealth document, FHIR elements are derived from that. */
export const parseIncoming = async (
  type: ResourceType,
  body: unknown,
  context: Context,
): Promise<Incoming | Undecided> => {
  const sent = resourceOf(type, body)
  if (type !== 'Observation') return otherIncoming(sent, context)
  const { isClean, under, schema = '' } = await inSteps(context.mhealth.receive(sent))
  // Every policy that takes it takes the same resource.
  const { issues, ...lax } = incomingOf(under(isClean ? defaultPolicy : 'accept-with-warning'), context)
  if (isClean || isEnteredInError(sent)) return lax
  return {
    asked: lax.resource as Observation,
    schema,
    under: policy => ({ ...lax, warnings: [...under(policy).issues, ...issues] }),
    ...(lax.device && { device: lax.device }),
  }
}

/** `issues`: the warnings about the resource itself, without those about its document. */
const incomingOf = (
  { resource, uploadKey, device, repairs, issues: said }: Taken,
  context: Context,
): Incoming & { readonly issues: readonly Issue[] } => {
  const issues = checked(resource, said, context)
  return {
    issues,
    warnings: [...said, ...issues],
    resource: withOwnReferences(resource, context.base),
    ...(uploadKey === undefined ? {} : { uploadKey }),
    ...(device === undefined ? {} : { device }),
    ...(repairs.length === 0 ? {} : { repairs }),
  }
}

/** The same, if it is known which policy applies. */
export const parseUnder = async (
  policy: ValidationPolicy,
  ...[type, body, context]: Parameters<typeof parseIncoming>
): Promise<Incoming> => {
  const incoming = await parseIncoming(type, body, context)
  return 'under' in incoming ? incoming.under(policy) : incoming
}

/**
 * The next content of a stored resource. A document that is stored already has been judged. A new one must pass the strictest policy, since at
 * this point it cannot be asked which one applies.
 */
export const parseChange = async (stored: Resource, body: unknown, context: Context): Promise<Incoming> => {
  const type = stored.resourceType
  const isJudged =
    type === 'Observation' && (isUntouched(stored, body) || (await isSameDocument(stored, body, context)))
  const policy = isJudged ? 'accept-with-warning' : 'strict'
  const [div, references] = [keptFault(stored, body), keptReferences(stored)]
  const told = div === undefined ? body : withDiv(body as Resource, soundDiv)
  const incoming = await parseUnder(policy, type, replaced(told, references), context)
  const resource = replaced(incoming.resource, inverted(references))
  return { ...incoming, resource: div === undefined ? resource : withDiv(resource, div) }
}

/** Whether nothing that could hold a document has changed, so that a long one need not be read. */
const isUntouched = (stored: Resource, body: unknown): boolean =>
  isDeepStrictEqual(documentPlaces(stored), documentPlaces(body))

/** The elements that may hold a document, and the one that says its schema if the document does not. */
const documentPlaces = (observation: unknown): unknown => {
  const { extension, valueAttachment, code } = (observation ?? {}) as Readonly<Record<string, unknown>>
  return { extension, valueAttachment, code }
}

const isSameDocument = async (stored: Resource, body: unknown, { mhealth }: Context): Promise<boolean> => {
  const [before, after] = [await inSteps(mhealth.documentOf(stored)), await inSteps(mhealth.documentOf(body))]
  return before !== undefined && after !== undefined && before.bytes.equals(after.bytes)
}

const otherIncoming = async (sent: Resource, context: Context): Promise<Incoming> => {
  const warnings = checked(sent, [], context)
  refuseUnknownPolicy(sent)
  const resource =
    sent.resourceType === 'Subscription' ? await receiveSubscription(sent as Subscription, context) : sent
  return { resource: withOwnReferences(resource, context.base), warnings }
}

/** Answers the warnings about the resource; throws the errors, and with them the warnings that were `said` before. */
const checked = (resource: Resource, said: readonly Issue[], { registry }: Context): readonly Issue[] => {
  refuseTooMany(resource)
  const issues = validate(registry, resource)
  const errors = issues.filter(isError)
  const [first, ...rest] = [...errors, ...said, ...issues.filter(issue => !isError(issue))]
  if (first !== undefined && errors.length > 0) throw FhirError.of([first, ...rest])
  return issues
}

const resourceOf = (type: ResourceType, body: unknown): Resource => {
  if (body === undefined)
    throw new FhirError('structure', `There is no body, where ${type} is expected, as FHIR's JSON or XML`)
  if (typeof body !== 'object' || body === null || Array.isArray(body) || !('resourceType' in body)) {
    throw new FhirError('structure', `The body must be a JSON object whose resourceType is ${type}`)
  }
  if (body.resourceType !== type) {
    throw new FhirError(
      'invalid',
      `The resourceType is ${JSON.stringify(body.resourceType)}; here it must be ${type}`,
      {
        expression: 'resourceType',
      },
    )
  }
  refusePart(body as Resource)
  return body as Resource
}

/** "to ensure that the incomplete resource is not accidentally used to overwrite a complete resource": https://hl7.org/fhir/R4/search.html#summary */
const refusePart = ({ meta, resourceType }: Resource): void => {
  const tags: unknown = meta?.tag
  const at = Array.isArray(tags) ? tags.findIndex(tag => tag?.system === partOf && tag?.code === 'SUBSETTED') : -1
  if (at >= 0)
    throw new FhirError(
      'business-rule',
      'This is a part of a resource, as _summary and _elements answer it: read the whole, change that, and send it without the tag SUBSETTED',
      { expression: `${resourceType}.meta.tag[${at}]` },
    )
}

const partOf = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue'
