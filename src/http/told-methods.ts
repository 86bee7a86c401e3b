import type { FastifyInstance } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import { allow } from './other-methods.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** By the prefix below which they are, what methods a path answers, where one route takes many of them. */
    readonly methodsBelow: Map<string, (path: string) => readonly string[]>
  }
  interface FastifyContextConfig {
    /** The route is there to refuse the method. */
    readonly isRefusal?: boolean
  }
}

type Taken = {
  readonly method: string
  readonly url: string
  readonly segments: readonly string[]
  readonly isRefusal: boolean
}

/**
 * OPTIONS is answered with what the path takes: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7. To be called before anything is registered. A path that
 * is not there takes nothing, and neither says so.
 */
export const tellMethods = (server: FastifyInstance): void => {
  const routes: Taken[] = []
  server.decorate('methodsBelow', new Map())
  server.addHook('onRoute', ({ method, url, config }) => {
    const isRefusal = config?.isRefusal === true
    const segments = url.split('/')
    for (const one of [method].flat()) if (!follows.has(one)) routes.push({ method: one, url, segments, isRefusal })
  })
  server.addHook('onSend', async ({ method, url }, reply) => {
    if (method !== 'OPTIONS' || reply.statusCode !== 204 || reply.hasHeader('allow')) return
    const path = url.split('?', 1)[0] ?? ''
    // Such as the metadata, which are beside the types.
    const fixed = routes.filter(one => one.url === path)
    const segments = path.split('/')
    const taken = fixed.length > 0 ? takenBy(fixed, segments) : (takenBelow(server, path) ?? takenBy(routes, segments))
    if (taken.length > 0) allow(reply, taken)
  })
}

/** They are answered wherever another is; and of some paths, such as a base that ends with a slash, nothing else is registered. */
const follows: ReadonlySet<string> = new Set(['OPTIONS', 'HEAD'])

const takenBelow = ({ methodsBelow }: FastifyInstance, path: string): readonly string[] | undefined => {
  const [prefix, methodsAt] = [...methodsBelow].find(([one]) => path === one || path.startsWith(`${one}/`)) ?? []
  if (prefix === undefined || methodsAt === undefined) return undefined
  try {
    return methodsAt(path.slice(prefix.length))
  } catch (error) {
    if (error instanceof FhirError) return []
    throw error
  }
}

/** As the router finds them: each method has a tree of its own, in which a fixed segment goes before a parameter. */
const takenBy = (routes: readonly Taken[], path: readonly string[]): readonly string[] => {
  const fitting = routes.filter(({ segments }) => fits(segments, path))
  const methods = [...new Set(fitting.map(({ method }) => method))]
  return methods.filter(method => {
    const [first] = fitting
      .filter(one => one.method === method)
      .toSorted((one, other) => compare(rankOf(one), rankOf(other)))
    return first?.isRefusal === false
  })
}

const fits = (segments: readonly string[], path: readonly string[]): boolean =>
  segments.at(-1) === '*'
    ? path.length >= segments.length && fits(segments.slice(0, -1), path.slice(0, segments.length - 1))
    : segments.length === path.length &&
      segments.every((segment, index) => (segment.startsWith(':') ? path[index] !== '' : segment === path[index]))

const rankOf = ({ segments }: Taken): string =>
  segments.map(segment => (segment === '*' ? 2 : segment.startsWith(':') ? 1 : 0)).join('')

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
