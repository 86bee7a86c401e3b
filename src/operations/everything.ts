import type { ResourceType } from '@medplum/fhirtypes'
import { isInCompartments, subjectParameters } from '../access/patient-compartment.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Context, FhirRequest } from '../interactions/interaction.ts'
import { openPage } from '../interactions/search/paging.ts'
import { searchset } from '../interactions/search/search.ts'
import { pageOfSeveral } from '../interactions/search/several-pages.ts'
import { searchableTypes } from '../interactions/searchable-types.ts'
import { inCompartment } from '../search/compartment.ts'
import { all, and, type Expression, or } from '../search/expression.ts'
import { parseCriteria, parseSearch } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import type { Search } from '../search/search.ts'
import { isGroupMember } from '../search/stored-elsewhere.ts'
import { intervalIn, withPlus } from '../search/written-value.ts'
import { givenWithin } from './care-time.ts'
import { withNamedBinaries } from './named-binaries.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { endBeforeStart, only, primitivesWithPresentation, requireKnown } from './parameters.ts'

/** https://hl7.org/fhir/R4/patient-operation-everything.html */
export const patientEverything: Operation = {
  name: 'everything',
  definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
  at: { type: 's', instance: 'r' },
  types: ['Patient'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters }),
  documentation:
    'The Patient, or all Patients, with everything in the compartment, and what that refers to, also by the address of a Binary in an Attachment, as far as the caller may search it, in pages of _count. start and end bound the time of care, _since the time of writing; what has no date of care is always there. With _type the answer has only these types, also among what is referred to; what belongs to another patient may then be missing, if only resources of other types refer to it.',
  handler: (request, context) => everything(request, context),
}

/** https://hl7.org/fhir/R4/group-operation-everything.html */
export const groupEverything: Operation = {
  ...patientEverything,
  definition: 'http://hl7.org/fhir/OperationDefinition/Group-everything',
  at: { instance: 'r' },
  types: ['Group'],
  documentation:
    'The same as Patient/$everything, for all members of a Group that the caller may search, and the Group itself.',
}

const everything = async (request: FhirRequest, context: Context) => {
  if (!('type' in request)) throw new FhirError('not-found', '$everything is an operation of Patient and Group')
  const { type } = request
  const path = 'id' in request ? `${type}/${request.id}/$everything` : `${type}/$everything`
  const { query, page } = await openPage(primitivesWithPresentation(request, parameters), path, context)
  const asked = parseEverything(query, context)
  // Somebody who may not read it gets the same answer as if it did not exist.
  if ('id' in request) await context.store.read(type, request.id)
  const within: Within =
    type === 'Group' && 'id' in request
      ? one => ofGroup(context.registry, request.id, one)
      : one => ofPatient(context.registry, 'id' in request ? request.id : undefined, one)
  const searches = typesOf(within, context).map(one => searchOf(one, within(one), asked, context))
  const matching = searches.filter(one => isAsked(one.type, asked))
  const leading = auditEventsLast(searches.filter(one => !isAsked(one.type, asked) && leadsOutside(one, within, asked)))
  const applied = [...query].filter(([name]) => name !== '_format')
  const answered = { path, of: type, applied, ignored: [], cursor: page }
  const found = await pageOfSeveral(context.store, matching, page, leading)
  return searchset(answered, isAsked('Binary', asked) ? await withNamedBinaries(found, context) : found, context)
}

/** They are as many as there were requests, and lead to little that nothing else leads to. */
const auditEventsLast = (searches: readonly Search[]): readonly Search[] => {
  const isLast = ({ type }: Search) => type === 'AuditEvent'
  return [...searches.filter(one => !isLast(one)), ...searches.filter(isLast)]
}

const isAsked = (type: ResourceType, { types }: Everything): boolean => types?.includes(type) !== false

/**
 * Whether an include leads to types that are in nobody's compartment. These only come along, whether they are among `_type` or not. Of the others,
 * what is the patient's own matches by itself; for the little that is another patient's, not everything that could refer to it is read.
 */
const leadsOutside = ({ include }: Search, within: Within, { types }: Everything): boolean =>
  types !== undefined &&
  include.some(({ links }) => links.some(({ targets }) => targets.some(target => within(target) === undefined)))

type Within = (type: ResourceType) => Expression | undefined

type Everything = {
  readonly types: readonly ResourceType[] | undefined
  readonly count: string
  readonly since: string | undefined
  readonly start: string | undefined
  readonly end: string | undefined
}

const parameters: ParameterTypes = { start: 'date', end: 'date', _since: 'date', _type: 'text', _count: 'integer' }

const names = Object.keys(parameters)

const parseEverything = (query: URLSearchParams, { registry }: Context): Everything => {
  requireKnown('everything', query, [...names, '_format', '_pretty'], names)
  const types = query.getAll('_type').flatMap(text => text.split(','))
  const wrong = types.find(name => !registry.isResourceType(name))
  if (wrong !== undefined) throw refusal('_type', `"${wrong}" is not a resource type of FHIR R4`)
  const [start, end] = [dateNamed(query, 'start'), dateNamed(query, 'end')]
  if (isTurnedRound(start, end)) throw endBeforeStart()
  return {
    types: types.length === 0 ? undefined : types.filter(registry.isResourceType),
    count: only(query, '_count') ?? '1000',
    since: dateNamed(query, '_since'),
    start,
    end,
  }
}

/** Each means all moments of its precision: the same day twice is that day. */
const isTurnedRound = (start = '', end = ''): boolean =>
  Date.parse(intervalIn(start)?.low ?? '') >= Date.parse(intervalIn(end)?.high ?? '')

const dateNamed = (query: URLSearchParams, name: string): string | undefined => {
  const text = only(query, name)
  if (text === undefined || intervalIn(text) !== undefined) return text && withPlus(text)
  throw refusal(name, `${name} is a date or an instant such as 2026-03-01T12:00:00Z, not "${text}"`)
}

/** The types in the order of the specification, but the Group or Patient first, and without those for which there is no scope. */
const typesOf = (within: Within, context: Context): readonly ResourceType[] => {
  const possible = searchableTypes(context).filter(one => within(one) !== undefined)
  const isFirst = (one: ResourceType) => one === 'Group' || one === 'Patient'
  return [...possible.filter(isFirst), ...possible.filter(one => !isFirst(one))]
}

const searchOf = (
  type: ResourceType,
  within: Expression | undefined,
  asked: Everything,
  { registry, base }: Context,
): Search => {
  const { count, since, start, end } = asked
  const search = parseSearch(registry, type, new URLSearchParams({ _count: count, _include: '*' }), { base })
  const written = new URLSearchParams({ _lastUpdated: `ge${since}` })
  const limits = [
    since === undefined ? all : parseCriteria(registry, type, written, { base }),
    givenWithin(registry, type, { start, end }),
  ]
  // Other members of a Group are no part of anybody's record; the matches include all who belong there anyway.
  const include = search.include.map(one => ({
    ...one,
    links: one.links
      .filter(link => !isGroupMember(link.parameter))
      .map(link => ({ ...link, targets: link.targets.filter(target => isAsked(target, asked)) }))
      .filter(({ targets }) => targets.length > 0),
  }))
  return { ...search, include, where: and(within ?? { kind: 'none' }, ...limits) }
}

const ofPatient = (registry: Registry, id: string | undefined, type: ResourceType): Expression | undefined => {
  if (id !== undefined) return inCompartment(registry, { compartment: 'Patient', id }, type)
  return isInCompartments(type) ? { kind: 'all' } : undefined
}

/** What belongs to one of the members: by its subject, never by who performed or recorded it. */
const ofGroup = (registry: Registry, id: string, type: ResourceType): Expression | undefined => {
  const member = registry.searchParameter('Group', 'member')
  if (type === 'Group') return { kind: 'identified', ids: [id] }
  if (member === undefined) return undefined
  const isMember: Expression = {
    kind: 'has',
    source: 'Group',
    parameter: member,
    of: { kind: 'identified', ids: [id] },
  }
  if (type === 'Patient') return isMember
  const ways = subjectParameters(type).flatMap((code): readonly Expression[] => {
    const parameter = registry.searchParameter(type, code)
    return parameter === undefined ? [] : [{ kind: 'chain', parameter, target: 'Patient', of: isMember }]
  })
  return ways.length === 0 ? undefined : or(...ways)
}
