import type { FastifyInstance } from 'fastify'
import type { Criterion } from './select.ts'

export type Answer = { readonly ids: readonly string[] } | { readonly refused: string }

const headers = { authorization: 'Bearer everything' }

export const queryOf = (type: string, criteria: readonly Criterion[]): string =>
  `${type}?${criteria.map(([name, value]) => `${encodeURIComponent(name).replaceAll('%3A', ':')}=${encodeURIComponent(value)}`).join('&')}`

/** The ids, sorted, of all pages. */
export const ask = async (server: FastifyInstance, query: string): Promise<Answer> => {
  const ids: string[] = []
  for (let url: string | undefined = `/fhir/${query}&_count=1000&_elements=id`; url !== undefined; ) {
    const { statusCode, body } = await server.inject({ url, headers })
    if (statusCode !== 200) return { refused: `${statusCode} ${reasonOf(body)}` }
    const { entry = [], link }: Searchset = JSON.parse(body)
    ids.push(...entry.map(({ resource }) => resource.id))
    const next = link.find(({ relation }) => relation === 'next')?.url
    url = next?.slice(next.indexOf('/fhir/'))
  }
  return { ids: ids.sort() }
}

type Searchset = {
  readonly entry?: readonly { readonly resource: { readonly id: string } }[]
  readonly link: readonly { readonly relation: string; readonly url: string }[]
}

const reasonOf = (body: string): string => /"diagnostics":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1]?.slice(0, 300) ?? body
