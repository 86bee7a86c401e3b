import type { FastifyRequest } from 'fastify'

/**
 * Where to go on after signing in: a path of this server and nothing else, as it will be understood; undefined where it is
 * not one. https://url.spec.whatwg.org: browsers read `/\evil.example` and `/.//evil.example` as other hosts.
 */
export const continuePath = (text: string): string | undefined => {
  if (!text.startsWith('/') || text.length > mostLetters) return undefined
  const url = URL.parse(text, here)
  if (url === null || url.origin !== here || url.pathname.startsWith('//')) return undefined
  return `${url.pathname}${url.search}`
}

/** Whoever is on their way to an institution has it kept, and need not be anybody. No path of ours comes near. */
const mostLetters = 2048

/**
 * Where the page is that a form stands on, or that was asked for itself: who sends a form to `/sharing/x/sign` comes from the
 * page of `/sharing/x`, which is the nearest above it.
 */
export const pageOf = ({ method, url, routeOptions, server }: FastifyRequest): string => {
  if (method !== 'POST') return url
  const [path = ''] = url.split('?', 1)
  const [steps, pattern] = [path.split('/'), routeOptions.url?.split('/') ?? []]
  const isPage = (length: number) => server.hasRoute({ method: 'GET', url: pattern.slice(0, length).join('/') })
  const length = steps.findLastIndex((_, index) => index > 0 && isPage(index + 1)) + 1
  return length === 0 ? '/account' : steps.slice(0, length).join('/')
}

/** A host that nobody has. https://www.rfc-editor.org/rfc/rfc6761#section-6.4 */
const here = 'http://here.invalid'
