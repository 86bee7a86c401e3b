import type { OperationOutcome, Resource, ResourceType } from '@medplum/fhirtypes'
import { isGranted } from '../access/rules.ts'
import { FhirError, type Issue, unlessRefused } from '../fhir/error.ts'
import { isObject, parseJson } from '../fhir/json.ts'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import type { ProfileDefinition } from '../fhir/profile/profile.ts'
import { checkProfiles, type FindCodes, type FindStored } from '../fhir/profile/profiles.ts'
import { openExpansion } from '../fhir/terminology/expansion.ts'
import { prepareCreate } from '../interactions/create.ts'
import { prepareDelete } from '../interactions/delete.ts'
import { allReady, decideIncoming, decidePolicies } from '../interactions/incoming/decide-policy.ts'
import { parseIncoming } from '../interactions/incoming/incoming.ts'
import type {
  Context,
  FhirRequest,
  FhirResponse,
  InstanceRequest,
  Prepared,
  TypeRequest,
} from '../interactions/interaction.ts'
import { requireAccess } from '../interactions/require-access.ts'
import { prepareUpdate } from '../interactions/update.ts'
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
  takes: () => ({ primitives, complex: ['resource'] }),
  judgesBody: true,
  documentation:
    'Whether a resource is valid, and obeys the profile that is named and those that it claims. With mode=create, and below an id with mode=update or delete, also whether that would be done: it is tried by all rules, with If-Match and If-None-Exist if they are sent, and undone. The answer is always 200, with the issues in an OperationOutcome. Nothing is stored.',
  handler: async (request, context) => {
    if (!('type' in request)) throw new FhirError('not-found', '$validate is an operation of a type')
    const asked = parseValidate(request, context)
    const resource = await resourceOf(request, asked, context)
    if (resource === undefined) return outcomeOf(await triedAs(request, asked.mode, resource, context))
    const { issues, checked } = await validated(request.type, resource, context)
    if (asked.mode === 'update' && 'id' in request && resource.id !== request.id)
      issues.push({
        code: 'invalid',
        message: `The id must be that of the URL, ${request.id}`,
        expression: 'Resource.id',
      })
    const urls = [...new Set([...asked.profiles, ...claimedBy(checked)])]
    const unfit = await checkProfiles(context.registry, { ...checked }, urls, storedIn(context), codesIn(context))
    // What is not valid would be refused for that alone.
    const refused = issues.some(isError) ? [] : await triedAs(request, asked.mode, resource, context)
    return outcomeOf([...issues, ...unfit, ...refused])
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
  const given = primitivesAmong(isWrapped ? request : { ...request, body: undefined }, 'validate', validate.takes())
  const mode = only(given, 'mode')
  if (mode !== undefined && !modes.includes(mode))
    throw refusal('mode', `mode is one of ${modes.join(', ')}, not "${mode}"`)
  // "Modes update and delete can only be used when the operation is invoked at the resource instance level."
  if ((mode === 'update' || mode === 'delete') && !('id' in request))
    throw refusal('mode', `mode=${mode} is about one resource: ask below its id, as [type]/[id]/$validate`)
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
  if (mode === 'update') requireAccess(context, 'u', request.type)
  if (mode === 'create') requireAccess(context, 'c', request.type)
  if ('id' in request && (sent === undefined || mode === 'delete')) {
    const { content } = await context.store.read(request.type, request.id)
    return mode === 'delete' ? undefined : (parseJson(content) as Resource)
  }
  if (typeof sent === 'object' && sent !== null) return sent
  throw refusal('resource', 'There is no resource to validate: post it, alone or in a Parameters')
}

/** Why the write that is meant would be refused. It is carried out, and undone. */
const triedAs = async (
  request: TypeRequest | InstanceRequest,
  mode: string | undefined,
  body: Resource | undefined,
  context: Context,
): Promise<readonly Issue[]> => {
  try {
    const meant = await preparedFor({ ...request, body }, mode, context)
    if (meant === undefined) return []
    const writes = allReady(await decidePolicies([meant], context)).map(({ write }) => write)
    await context.store.trying(writes, async () => {})
    return []
  } catch (error) {
    // Whether it would be refused is not known then.
    if (!(error instanceof FhirError) || error.status >= 500) throw error
    return error.issues
  }
}

const preparedFor = async (
  request: TypeRequest | InstanceRequest,
  mode: string | undefined,
  context: Context,
): Promise<Prepared | undefined> => {
  if (mode === 'create') return prepareCreate(request, context)
  if (!('id' in request)) return undefined
  if (mode === 'update') return prepareUpdate(request, context)
  // The parameters of the operation are none of the deletion.
  return mode === 'delete' ? prepareDelete({ ...request, query: new URLSearchParams() }) : undefined
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

const codesIn = ({ store }: Context): FindCodes => {
  const expansion = openExpansion(store.terminology)
  return valueSet => unlessRefused(() => expansion.codesAt(valueSet))
}

const isError = ({ severity = 'error' }: Issue): boolean => severity === 'error'

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
