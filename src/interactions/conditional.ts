import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { isObject, jsonText } from '../fhir/json.ts'
import { parseCriteria, parseSearch } from '../search/parse.ts'
import { isPresentationName } from '../search/result-parameter.ts'
import type { Search } from '../search/search.ts'
import { parseWholeNumber } from '../search/written-value.ts'
import { allReady, decidePolicies } from './incoming/decide-policy.ts'
import { keep, type Refused, refusedAmong } from './incoming/keep-refused.ts'
import type { Context, Decide, Handler, Interaction, Prepared, Routed, TypeRequest } from './interaction.ts'
import { requireAccess } from './require-access.ts'
import { deletedResponse, writtenResponse } from './written.ts'

/**
 * A conditional interaction: decides which resources it means, and then carries out the ordinary interaction on them, all in one transaction
 * during which nobody else decides by the same criteria.
 */
export const conditional =
  (decide: Decide): Handler<TypeRequest> =>
  async (request, context) => {
    let refused: readonly Refused[] = []
    try {
      return await context.store.atomic(async store => {
        const routed = await decide(request, { ...context, store })
        const prepared: Prepared[] = []
        for (const one of routed) prepared.push(await prepareRouted(one, context))
        const decided = await decidePolicies(prepared, { store })
        refused = refusedAmong(prepared, decided)
        const ready = allReady(decided)
        const written = await store.write(ready.map(({ write }) => write))
        const answer = request.headers.prefer.return
        const [only] = written
        return only === undefined || written.length > 1
          ? deletedResponse(written, answer ?? 'minimal')
          : writtenResponse(only, ready[0]?.warnings ?? [], context.base, answer ?? 'representation')
      })
    } catch (error) {
      throw (await keep(refused, context)).get(0) ?? error
    }
  }

/** Does all of an ordinary write but the write itself, if the caller may do such a thing at all. */
export const prepareRouted = async (
  { interaction, request }: Routed,
  context: Context,
  id?: string,
): Promise<Prepared> => {
  if (interaction.prepare === undefined || !('type' in request)) throw new Error(`${interaction.name} writes nothing`)
  if (interaction.action !== undefined) requireAccess(context, interaction.action, request.type)
  return (interaction.prepare as NonNullable<Interaction['prepare']>)(request as never, context, id)
}

/** https://hl7.org/fhir/R4/http.html#cond-update */
export const decideUpdate: Decide = async (request, context) => {
  const { type, headers } = request
  const body = objectOf(request.body)
  const id = await onlyMatch(request, context)
  const { id: named } = body
  if (id !== undefined) {
    if (named === undefined || named === id)
      return [ordinary('update', { ...request, id, body: { ...body, id } }, context)]
    throw new FhirError(
      'invalid',
      `The body has the id ${JSON.stringify(named)}, and what matches is another ${type}`,
      {
        expression: `${type}.id`,
      },
    )
  }
  if (headers.ifMatch !== undefined) {
    throw new FhirError('conflict', `If-Match asks for one that is there, and no ${type} matches`, { status: 412 })
  }
  if (named === undefined) return [ordinary('create', { ...request, metNothing: true }, context)]
  const asNew = {
    ...request,
    id: jsonText(named),
    headers: { ...headers, ifNoneMatch: '*' },
    metNothing: true,
  } as const
  return [ordinary('update', asNew, context)]
}

/** https://hl7.org/fhir/R4/http.html#patch */
export const decidePatch: Decide = async (request, context) => {
  const id = await onlyMatch(request, context)
  if (id === undefined) throw new FhirError('not-found', `No ${request.type} matches the criteria`)
  return [ordinary('patch', { ...request, id }, context)]
}

/**
 * https://hl7.org/fhir/R4/http.html#3.1.0.7.1
 * All matches are deleted, unless there are more than anybody means at once; with `_count`, at most so many.
 */
export const decideDelete: Decide = async (request, context) => {
  const [count = null, ...others] = request.query.getAll('_count')
  if (others.length > 0) throw new FhirError('invalid', '"_count" is given more than once', { expression: '_count' })
  const most = count === null ? mostDeleted : parseWholeNumber('_count', count, { least: 1, most: 99_999 })
  const ids = await matchesOf(request, context, most + 1)
  if (ids.length > most && count === null) {
    throw new FhirError(
      'multiple-matches',
      `The criteria match more than ${most} resources: narrow them, or say with _count how many to delete at once`,
    )
  }
  const chosen = ids.slice(0, most).sort()
  return chosen.map(id => ordinary('delete', { ...request, id, query: new URLSearchParams() }, context))
}

const mostDeleted = 1000

/** The criteria of a conditional interaction. Empty criteria would mean everything, and are refused. */
export const parseConditionalCriteria = (
  type: ResourceType,
  sent: URLSearchParams,
  { registry, base, ...gate }: Pick<Context, 'registry' | 'base' | 'access' | 'caller'>,
): Search => {
  requireAccess(gate, 's', type)
  const query = new URLSearchParams([...sent].filter(([name]) => name !== '_count' && !isPresentationName(name)))
  const where = parseCriteria(registry, type, query, { base })
  if (where.kind === 'all') throw new FhirError('invalid', `Criteria for ${type} are missing`)
  return { ...parseSearch(registry, type, query, { base }), where }
}

const matchesOf = async ({ type, query }: TypeRequest, context: Context, limit: number): Promise<readonly string[]> => {
  if (query.size === 0)
    throw new FhirError('invalid', `Which ${type} is meant is missing: ${type}/[id], or ${type}? with criteria`)
  const criteria = parseConditionalCriteria(type, query, context)
  await context.store.takeTurns([criteria])
  const matches = await context.store.heldMatches(criteria, limit)
  return matches.map(({ id }) => id)
}

const onlyMatch = async (request: TypeRequest, context: Context): Promise<string | undefined> => {
  const [id, another] = await matchesOf(request, context, 2)
  if (another === undefined) return id
  throw new FhirError('multiple-matches', `The criteria match several resources of ${request.type}`)
}

const ordinary = (
  name: Interaction['name'],
  request: TypeRequest & { readonly id?: string },
  { interactions }: Pick<Context, 'interactions'>,
): Routed => {
  const interaction = interactions.find(one => one.name === name && one.prepare !== undefined)
  if (interaction === undefined) throw new Error(`no interaction ${name}`)
  return { interaction, request }
}

const objectOf = (body: unknown): Record<string, unknown> => (isObject(body) ? body : {})
