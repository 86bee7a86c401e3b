import type { Bundle, ResearchStudy, Resource } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { type Caller, narrowedTo } from '../../access/caller.ts'
import { whoIs } from '../../access/rules/rule.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { type ContextParts, openContexts } from '../../http/fhir/fhir-context.ts'
import { dispatch } from '../../interactions/dispatch.ts'
import type { Body } from '../../interactions/interaction.ts'
import { findRoute } from '../../interactions/route.ts'
import { routes } from '../../operations/operations.ts'
import type { OwnRecord } from '../../studies/consent/own-record.ts'
import { recordIn } from '../../studies/consent/own-record.ts'

/** How the routes of this contract ask our own interactions, as the caller of the request: everything that they answer has passed these. */
export type Asking = {
  readonly caller: Caller
  /** The same caller, narrowed to what was given to a ResearchStudy, by its id. */
  readonly within: (study: string) => Asking
  /** The study to which the caller is narrowed, whatever their scopes are. It may be compared, but not shown. */
  readonly findOwnStudy: () => Promise<ResearchStudy | undefined>
  readonly read: <R extends Resource>(type: R['resourceType'], id: string) => Promise<R>
  /** Undefined if the caller may not see it, or nothing of its type. */
  readonly look: <R extends Resource>(type: R['resourceType'], id: string) => Promise<R | undefined>
  /** One page; `cursor` is that of a page before or after it. `skip` is how many pages to leave out. */
  readonly search: <R extends Resource>(
    type: R['resourceType'],
    query: Query | Cursor,
    more?: { readonly skip?: number },
  ) => Promise<Found<R>>
  /** The first thousand. */
  readonly list: <R extends Resource>(type: R['resourceType'], query: Query) => Promise<readonly R[]>
  /** The same; empty if the caller may search nothing of the type. */
  readonly listAllowed: <R extends Resource>(type: R['resourceType'], query: Query) => Promise<readonly R[]>
  /** All of them, or none if one is refused. */
  readonly write: (changes: readonly Change[]) => Promise<void>
  /** What the caller, who is the patient, sees of their own record. */
  readonly record: (patient: string) => OwnRecord
}

/** `ifMatch` is the version that it replaces, if it has to be that one. */
export type Change = { readonly resource: Resource; readonly ifMatch?: string | undefined }

export type Query = Readonly<Record<string, string>>

type Cursor = { readonly cursor: string }

export type Found<R> = {
  readonly resources: readonly R[]
  /** Absent if counting would cost too much. */
  readonly total?: number
  readonly next?: string
  readonly previous?: string
}

export const openAsking = (parts: ContextParts): ((request: Asked) => Asking) => {
  const contextOf = openContexts(parts)
  const askingOf = (request: Asked): Asking => {
    const { caller } = request
    if (caller === undefined) throw new Error('a route without its caller')
    const ask = async (method: string, path: string, query: Query = {}, more: More = {}): Promise<unknown> => {
      const { body, ifMatch, skip } = more
      const { interaction, named } = findRoute(routes, parts.registry, { method, path: `/${path}`, body })
      const headers = { prefer: { handling: 'strict' as const }, ...(ifMatch === undefined ? {} : { ifMatch }) }
      const asked = {
        ...named,
        query: new URLSearchParams(query),
        headers,
        ...(body === undefined ? {} : { body }),
        ...(skip === undefined ? {} : { skip }),
      }
      const answer = await dispatch({ interaction, request: asked } as never, contextOf(request, interaction))
      return parsed(answer.body)
    }
    const read: Asking['read'] = async (type, id) => {
      const notFound = () => new FhirError('not-found', `No ${type.toLowerCase()} matches the given query`)
      // Text that cannot be an id is never found.
      if (!/^(?!\.{1,2}$)[A-Za-z0-9.-]{1,64}$/.test(id)) throw notFound()
      try {
        return (await ask('GET', `${type}/${id}`)) as never
      } catch (error) {
        throw error instanceof FhirError && error.status === 404 ? notFound() : error
      }
    }
    const search: Asking['search'] = async (type, query, more) =>
      toFound((await ask('GET', type, isCursor(query) ? { _cursor: query.cursor } : query, more)) as Bundle)
    return {
      caller,
      within: study => askingOf({ caller: narrowedTo(caller, study), id: request.id, log: request.log }),
      findOwnStudy: () => contextOf(request, findRoute(routes, parts.registry, studies).interaction).findOwnStudy(),
      read,
      look: (type, id) => unlessHidden(undefined, () => read(type, id)),
      search,
      list: (type, query) => firstOf(search, type, query),
      listAllowed: (type, query) => unlessHidden([], async () => (await firstOf(search, type, query)) as never),
      write: async changes => {
        const entry = changes.map(entryOf)
        const [only, ...others] = entry
        if (only === undefined) return
        const { resource: body, request: asked } = only
        // By itself, so that what is refused is named as in the resource, and not as in a Bundle.
        await (others.length === 0
          ? ask(asked.method, asked.url, {}, { body, ifMatch: asked.ifMatch })
          : ask('POST', '', {}, { body: { resourceType: 'Bundle', type: 'transaction', entry } }))
      },
      record: patient => {
        const { interaction } = findRoute(routes, parts.registry, { method: 'GET', path: '/Consent' })
        return recordIn(contextOf(request, interaction).store, parts.registry, patient)
      },
    }
  }
  return askingOf
}

const entryOf = ({ resource, ifMatch }: Change) => {
  const { resourceType: type, id } = resource
  const where = id === undefined ? { method: 'POST', url: type } : { method: 'PUT', url: `${type}/${id}` }
  return { resource, request: { ...where, ...(ifMatch !== undefined && { ifMatch: `W/"${ifMatch}"` }) } }
}

/** Asks for further pages, since a page may have fewer than were asked for. */
const firstOf = async <R extends Resource>(
  search: Asking['search'],
  type: R['resourceType'],
  query: Query,
): Promise<readonly R[]> => {
  const found: R[] = []
  let page = await search<R>(type, { _count: String(mostListed), ...query })
  found.push(...page.resources)
  while (page.next !== undefined && found.length < mostListed) {
    page = await search<R>(type, { cursor: page.next })
    found.push(...page.resources)
  }
  return found.slice(0, mostListed)
}

const isCursor = (query: Query | Cursor): query is Cursor => 'cursor' in query

const mostListed = 1000

const studies = { method: 'GET', path: '/ResearchStudy' }

type Asked = Pick<FastifyRequest, 'caller' | 'id' | 'log'>

type More = { readonly body?: unknown; readonly ifMatch?: string | undefined; readonly skip?: number }

const parsed = (body: Body | undefined): unknown => {
  switch (body?.kind) {
    case undefined:
      return undefined
    case 'text':
      return parseJson(body.text)
    case 'chunks':
      return parseJson([...body.chunks].join(''))
    default:
      throw new Error(`${body?.kind} was answered to a read`)
  }
}

const unlessHidden = async <T>(otherwise: T, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof FhirError && [403, 404, 410].includes(error.status)) return otherwise
    throw error
  }
}

const toFound = <R>({ entry = [], link = [], total }: Bundle): Found<R> => {
  const cursorOf = (asked: string) => {
    const url = link.find(({ relation }) => relation === asked)?.url
    return url === undefined ? undefined : (new URL(url).searchParams.get('_cursor') ?? undefined)
  }
  const [next, previous] = [cursorOf('next'), cursorOf('previous')]
  return {
    resources: entry.flatMap(({ resource, search }) => (search?.mode === 'match' ? [resource as R] : [])),
    ...(total === undefined ? {} : { total }),
    ...(next === undefined ? {} : { next }),
    ...(previous === undefined ? {} : { previous }),
  }
}

export const kindOfCaller = (caller: Caller) => whoIs(caller).kind

/** Tells callers whom the contract does not know what they would need to be. */
export const requireStaff = ({ caller }: Pick<Asking, 'caller'>): void => {
  if (kindOfCaller(caller) === 'patient' || kindOfCaller(caller) === 'person')
    throw new FhirError(
      'forbidden',
      'This is for practitioners: a patient’s own data is at users/profile and patients/me',
    )
}
