import type { FastifyInstance } from 'fastify'
import { keyOf, type Resource } from '../examples.ts'

export type Page = {
  readonly total?: number
  readonly matches: readonly Resource[]
  readonly included: readonly Resource[]
  /** That more would have been included than a page takes. */
  readonly isCut: boolean
  readonly links: Readonly<Record<string, string>>
}

const headers = { authorization: 'Bearer everything' }

/** Throws what the server says if it refuses. */
export const readPage = async (server: FastifyInstance, path: string): Promise<Page> => {
  const { statusCode, body } = await server.inject({ url: `/fhir/${path}`, headers })
  if (statusCode !== 200) throw new Error(`${statusCode} ${body.slice(0, 400)}`)
  const { total, entry = [], link }: Searchset = JSON.parse(body)
  const resources = (mode: Mode) => entry.filter(one => one.search.mode === mode).map(({ resource }) => resource)
  return {
    ...(total === undefined ? {} : { total }),
    matches: resources('match'),
    included: resources('include'),
    isCut: resources('outcome').length > 0,
    links: Object.fromEntries(link.map(({ relation, url }) => [relation, url.slice(url.indexOf('/fhir/') + 6)])),
  }
}

/** From the first page to the last. */
export const readPages = async (server: FastifyInstance, path: string): Promise<readonly Page[]> => {
  const pages: Page[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: Page = await readPage(server, next)
    pages.push(page)
    next = page.links.next
  }
  return pages
}

/** `Type/id`, page after page. */
export const matchKeys = (pages: readonly Page[]): readonly string[] =>
  pages.flatMap(({ matches }) => matches.map(keyOf))

type Mode = 'match' | 'include' | 'outcome'
type Searchset = {
  readonly total?: number
  readonly entry?: readonly { readonly resource: Resource; readonly search: { readonly mode: Mode } }[]
  readonly link: readonly { readonly relation: string; readonly url: string }[]
}
