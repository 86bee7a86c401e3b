import type { Resource } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { mostAsked, wholeNumberIn } from '../../search/written-value.ts'
import type { Asking, Found, Query } from './asking.ts'

/** A page of results, in the form of this contract. */
export type Paged = {
  /** Null if counting would cost too much. */
  readonly count: number | null
  readonly next: string | null
  readonly previous: string | null
  readonly results: readonly object[]
}

/** Which page is asked for, and its address: `url` is absolute, without a query. */
export type PageAsked = { readonly url: string; readonly query: URLSearchParams }

const usualSize = 20
const mostPages = 50

/**
 * The page of a search. Its links have a position in the search, so that whoever follows them misses nothing and sees nothing twice while rows
 * are added. A page that is asked for by its number alone is counted from the first.
 */
export const pageOf = async <R extends Resource>(
  asking: Asking,
  type: R['resourceType'],
  { asked, where, present }: Search<R>,
): Promise<Paged> => {
  const { query } = asked
  const [page, size] = [wholeNumber(query, 'page', 1), wholeNumber(query, 'page_size', usualSize)]
  const cursor = query.get('cursor')
  const found: Found<R> =
    cursor === null
      ? await countedTo(asking, type, { ...where, _count: String(size), _total: 'accurate' }, page)
      : await asking.search<R>(type, { cursor })
  const link = (to: number, cursor: string | undefined) => (cursor === undefined ? null : linkTo(asked, to, cursor))
  return {
    count: found.total ?? null,
    next: link(page + 1, found.next),
    previous: link(page - 1, found.previous),
    results: await present(found.resources),
  }
}

type Search<R> = {
  readonly asked: PageAsked
  readonly where: Query
  readonly present: (resources: readonly R[]) => Promise<readonly object[]>
}

const countedTo = async <R extends Resource>(
  asking: Asking,
  type: R['resourceType'],
  where: Query,
  page: number,
): Promise<Found<R>> => {
  if (page > mostPages)
    throw new FhirError('invalid', `Pages beyond ${mostPages} are reached by following next`, { expression: 'page' })
  const found = await asking.search<R>(type, where, { skip: page - 1 })
  if (page > 1 && found.resources.length === 0) throw new FhirError('not-found', 'Invalid page.')
  return found
}

const wholeNumber = (query: URLSearchParams, name: string, otherwise: number): number => {
  const text = query.get(name)
  if (text === null) return otherwise
  const number = wholeNumberIn(text, { least: 1, most: mostAsked })
  if (number !== undefined) return number
  throw new FhirError('invalid', `${name} is a whole number from 1 on`, { expression: name })
}

const linkTo = ({ url, query }: PageAsked, page: number, cursor: string): string => {
  const next = new URLSearchParams(query)
  next.set('page', String(page))
  next.set('cursor', cursor)
  return `${url}?${next}`
}

/** A short list as a single page. */
export const wholePage = (results: readonly object[]): Paged => ({
  count: results.length,
  next: null,
  previous: null,
  results,
})

/**
 * The parameters, named in lower case with underscores; they may be sent in camel case. Throws `invalid` for one that the route does not know:
 * ignoring it would answer more than was asked for.
 */
export const parametersOf = (sent: URLSearchParams, known: readonly string[]): URLSearchParams => {
  const given = new URLSearchParams()
  for (const [name, value] of sent) {
    const spelled = underscored(name)
    if (!known.includes(spelled))
      throw new FhirError('invalid', `${name} is no parameter here; accepted: ${known.join(', ') || 'none'}`, {
        expression: name,
      })
    // Clients repeat their parameters along with the link to the next page.
    if ((given.get(spelled) ?? value) !== value)
      throw new FhirError('invalid', `${name} is given twice, with different values`, { expression: name })
    given.set(spelled, value)
  }
  return given
}

/** `studyId` as `study_id`; the Exchange accepts both. */
export const underscored = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

export const pageParameters = ['page', 'page_size', 'cursor'] as const

/** An id of ours. A text that cannot be one matches nothing, and is not searched for. */
export const idOf = (query: URLSearchParams, name: string): string | undefined => {
  const id = query.get(name)
  if (id === null) return undefined
  if (/^[A-Za-z0-9.-]{1,64}$/.test(id)) return id
  throw new FhirError('invalid', `${name} is an id`, { expression: name })
}
