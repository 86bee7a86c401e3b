import type { OperationOutcome, Resource, ResourceType } from '@medplum/fhirtypes'
import { isGranted } from '../access/rules.ts'
import { FhirError, type Issue } from '../fhir/error.ts'
import { isObject, parseJson } from '../fhir/json.ts'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import type { ProfileDefinition } from '../fhir/profile/profile.ts'
import { checkProfiles, type FindStored } from '../fhir/profile/profiles.ts'
import { decideIncoming } from '../interactions/incoming/decide-policy.ts'
import { parseIncoming } from '../interactions/incoming/incoming.ts'
import type { Context, FhirRequest, FhirResponse, InstanceRequest, TypeRequest } from '../interactions/interaction.ts'
import { requireAccess } from '../interactions/require-access.ts'
import { parseSearch } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, onlyResource, parametersOf, primitivesAmong, requireValidParameters } from './parameters.ts'

/** https://hl7.org/fhir/R4/resource-operation-validate.html */
export const validate: Operation = {
  name: 'validate',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate',
  at: { type: 'c', instance: 'r' },
  types: 'all',
  methods: ['GET', 'POST'],
  judgesBody: true,
  documentation:
    'Whether a resource is valid, and obeys the profile that is named and those that it claims. The answer is always 200, with the issues in an OperationOutcome. Nothing is stored.',
  handler: async (request, context) => {
    if (!('type' in request)) throw new FhirError('not-found', '$validate is an operation of a type')
    const asked = parseValidate(request, context)
    const resource = await resourceOf(request, asked, context)
    if (resource === undefined) return outcomeOf([])
    const { issues, checked } = await validated(request.type, resource, context)
    if (asked.mode === 'update' && 'id' in request && resource.id !== request.id)
      issues.push({
        code: 'invalid',
        message: `The id must be that of the URL, ${request.id}`,
        expression: 'Resource.id',
      })
    const urls = [...new Set([...asked.profiles, ...claimedBy(checked)])]
    return outcomeOf([...issues, ...(await checkProfiles(context.registry, { ...checked }, urls, storedIn(context)))])
  },
}

/** The profiles that it claims. One that is no text is an issue of validation already. */
const claimedBy = ({ meta }: Resource): readonly string[] =>
  Array.isArray(meta?.profile) ? meta.profile.filter(one => typeof one === 'string') : []

const primitives: ParameterTypes = { mode: 'text', profile: 'text' }

const modes = ['create', 'update', 'delete', 'profile']

type Asked = {
  readonly mode: string | undefined
  readonly profiles: readonly string[]
  /** The resource that was sent, in a Parameters or as the body itself. */
  readonly sent: Resource | undefined
}

const parseValidate = (request: FhirRequest, { registry }: Context): Asked => {
  const { body } = request
  const parameters = isParameters(body) ? parametersOf(body) : []
  // For the type Parameters, one that wraps no resource may be what is to be validated. For a deletion, nothing is sent.
  const isOther = isParameters(body) && 'type' in request && request.type !== 'Parameters'
  const isWrapped = isOther || parameters.some(({ name }) => name === 'resource')
  if (isWrapped) requireValidParameters(body, registry)
  const given = primitivesAmong(isWrapped ? request : { ...request, body: undefined }, 'validate', primitives, [
    'resource',
  ])
  const mode = only(given, 'mode')
  if (mode !== undefined && !modes.includes(mode))
    throw refusal('mode', `mode is one of ${modes.join(', ')}, not "${mode}"`)
  const sent = isWrapped ? onlyResource(body, 'resource') : (body as Resource | undefined)
  return { mode, profiles: given.getAll('profile'), sent }
}

const isParameters = (body: unknown): boolean => isObject(body) && body.resourceType === 'Parameters'

/** The stored resource if none was sent. A deletion is always about that, and its content is not checked. */
const resourceOf = async (
  request: TypeRequest | InstanceRequest,
  { mode, sent }: Asked,
  context: Context,
): Promise<Resource | undefined> => {
  if (mode === 'delete') requireAccess(context, 'd', request.type)
  if ('id' in request && (sent === undefined || mode === 'delete')) {
    const { content } = await context.store.read(request.type, request.id)
    return mode === 'delete' ? undefined : (parseJson(content) as Resource)
  }
  if (typeof sent === 'object' && sent !== null) return sent
  throw refusal('resource', 'There is no resource to validate: post it, alone or in a Parameters')
}

/** The resource as a write would store it: with the elements from an Open mHealth document. */
const validated = async (
  type: ResourceType,
  resource: Resource,
  context: Context,
): Promise<{ readonly issues: Issue[]; readonly checked: Resource }> => {
  try {
    const { warnings, resource: checked } = await decideIncoming(await parseIncoming(type, resource, context), context)
    return { issues: [...warnings], checked }
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    return { issues: [...error.issues], checked: resource }
  }
}

/** A profile that the caller may not search is treated as if it did not exist. */
const storedIn =
  ({ store, registry, access }: Context): FindStored =>
  async url => {
    if (!isGranted(access, 's', 'StructureDefinition')) return undefined
    const search = parseSearch(registry, 'StructureDefinition', new URLSearchParams({ url, _count: '1' }))
    const [found] = (await store.search(search)).entries
    return found === undefined ? undefined : (JSON.parse(found.content) as ProfileDefinition)
  }

const outcomeOf = (issues: readonly Issue[]): FhirResponse => {
  const [first, ...others] = issues
  const outcome: OperationOutcome =
    first === undefined
      ? { resourceType: 'OperationOutcome', issue: [nothingWrong] }
      : toOperationOutcome([first, ...others])
  return { status: 200, body: { kind: 'outcome', outcome } }
}

const nothingWrong = {
  severity: 'information',
  code: 'informational',
  diagnostics: 'Nothing is wrong with it',
} as const
