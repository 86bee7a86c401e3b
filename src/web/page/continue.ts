import type { FastifyRequest } from 'fastify'

/**
 * Where to go on after signing in: a path of this server and nothing else, as browsers will understand it; undefined if the text is none.
 * https://url.spec.whatwg.org: browsers read `/\evil.example` and `/.//evil.example` as other hosts.
 */
export const continuePath = (text: string): string | undefined => {
  if (!text.startsWith('/') || text.length > mostLetters) return undefined
  const url = URL.parse(text, here)
  if (url === null || url.origin !== here || url.pathname.startsWith('//')) return undefined
  return `${url.pathname}${url.search}`
}

/** A limit, since the path is stored for anybody on their way to an institution. None of our paths comes near it. */
const mostLetters = 2048

/** The page of a form, or the page that was asked for: a form that is sent to `/sharing/x/sign` is on `/sharing/x`, the nearest page above. */
export const pageOf = ({ method, url, routeOptions, server }: FastifyRequest): string => {
  if (method !== 'POST') return url
  const [path = ''] = url.split('?', 1)
  const [steps, pattern] = [path.split('/'), routeOptions.url?.split('/') ?? []]
  const isPage = (length: number) => server.hasRoute({ method: 'GET', url: pattern.slice(0, length).join('/') })
  const length = steps.findLastIndex((_, index) => index > 0 && isPage(index + 1)) + 1
  return length === 0 ? '/account' : steps.slice(0, length).join('/')
}

/** A host that cannot exist. https://www.rfc-editor.org/rfc/rfc6761#section-6.4 */
const here = 'http://here.invalid'
