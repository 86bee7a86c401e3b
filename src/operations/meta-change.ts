import type { Coding, Meta, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { openGiveWay } from '../fhir/give-way.ts'
import { refuseGrowth } from '../fhir/patch/growth.ts'
import { parseChange } from '../interactions/incoming/incoming.ts'
import type { Context, FhirRequest, FhirResponse } from '../interactions/interaction.ts'
import { refusal } from '../search/refusal.ts'
import type { Operation } from './operation.ts'
import { parametersResponse, primitivesAmong, valuesOf } from './parameters.ts'

/** https://hl7.org/fhir/R4/resource-operation-meta-add.html */
export const metaAdd: Operation = {
  name: 'meta-add',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta-add',
  at: { instance: 'u' },
  types: 'all',
  methods: ['POST'],
  takes: () => ({ primitives: {}, complex: ['meta'] }),
  documentation:
    'Adds profiles, tags and security labels to a resource; those that it has already are not added again.',
  handler: (request, context) => {
    primitivesAmong(request, 'meta-add', metaAdd.takes())
    return change(request, context, added)
  },
}

/** https://hl7.org/fhir/R4/resource-operation-meta-delete.html */
export const metaDelete: Operation = {
  name: 'meta-delete',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta-delete',
  at: { instance: 'u' },
  types: 'all',
  methods: ['POST'],
  takes: () => ({ primitives: {}, complex: ['meta'] }),
  documentation: 'Removes profiles, tags and security labels from a resource, by system and code.',
  handler: (request, context) => {
    primitivesAmong(request, 'meta-delete', metaDelete.takes())
    return change(request, context, removed)
  },
}

type Labels = Pick<Meta, 'profile' | 'security' | 'tag'>

const change = async (
  request: FhirRequest,
  context: Context,
  next: (labels: Labels, given: Labels) => Labels,
): Promise<FhirResponse> => {
  if (!('type' in request && 'id' in request))
    throw new FhirError('not-found', 'The labels of one resource are changed, by its id')
  const { type, id } = request
  const given = parseMeta(request.body)
  const [written] = await context.store.write([
    {
      kind: 'patch',
      type,
      id,
      change: async (stored: Resource) => {
        const giveWay = openGiveWay()
        const meta = { ...stored.meta, ...next(stored.meta ?? {}, given) }
        const changed = { ...stored, meta: withoutEmpty(meta) }
        await giveWay()
        refuseGrowth(stored, changed, context.mostLetters)
        await giveWay()
        return (await parseChange(stored, changed, context)).resource
      },
    },
  ])
  if (written === undefined || written.outcome === 'deleted') throw new Error('the store did not answer for its write')
  if (written.outcome === 'refused') throw written.error
  const { meta = {} }: { readonly meta?: Meta } = JSON.parse(written.content)
  return parametersResponse([{ name: 'return', valueMeta: meta }])
}

const parseMeta = (body: unknown): Labels => {
  const [given = {}, ...others]: readonly Labels[] = valuesOf(body, 'meta', 'valueMeta')
  if (others.length > 0) throw refusal('meta', '"meta" is given more than once')
  if ((given.profile ?? given.tag ?? given.security) === undefined)
    throw refusal(
      'meta',
      'The parameter meta is a valueMeta with profile, tag or security: a list of URLs, and lists of Codings',
    )
  return given
}

const added = (labels: Labels, given: Labels): Labels => ({
  profile: [...new Set([...(labels.profile ?? []), ...(given.profile ?? [])])],
  tag: union(labels.tag, given.tag),
  security: union(labels.security, given.security),
})

const union = (here: readonly Coding[] = [], more: readonly Coding[] = []): Coding[] => {
  const keys = new Set(here.map(keyOf))
  const others = more.filter(one => !keys.has(keyOf(one)))
  return [...here, ...new Map(others.map(one => [keyOf(one), one])).values()]
}

const removed = (labels: Labels, given: Labels): Labels => {
  const profiles = new Set(given.profile)
  return {
    profile: (labels.profile ?? []).filter(one => !profiles.has(one)),
    tag: without(labels.tag, given.tag),
    security: without(labels.security, given.security),
  }
}

const without = (here: readonly Coding[] = [], less: readonly Coding[] = []): Coding[] => {
  const keys = new Set(less.map(keyOf))
  return here.filter(one => !keys.has(keyOf(one)))
}

/** "The identity of a tag or security label is the system+code". One without a code has only its words to be known by. */
const keyOf = ({ system, code, display }: Coding): string => JSON.stringify([system, code ?? { display }])

const withoutEmpty = (meta: Meta): Meta =>
  Object.fromEntries(Object.entries(meta).filter(([, value]) => !(Array.isArray(value) && value.length === 0)))
