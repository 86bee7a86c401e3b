import type { FastifyRequest } from 'fastify'
import { isLargeBody } from './in-flight.ts'

/** What requests have in common that take about as long: method, path and names of parameters, without ids and values. */
export const likeOf = (request: FastifyRequest): string => {
  const { method, url, body } = request
  const [whole = '', query = ''] = url.split('?', 2)
  const posted = body instanceof URLSearchParams ? body.keys() : []
  const names = new Set([...new URLSearchParams(query).keys(), ...posted])
  const path = whole.split('/').map(part => (name.test(part) ? part : ':id'))
  const size = isLargeBody(request) ? 'large' : 'small'
  return [method, size, path.join('/'), ...[...names].sort()].join(' ').slice(0, longest)
}

/** Of a type, a page, an operation, or nothing. */
const name = /^[$_]?[A-Za-z-]*$/

/** Many of them are remembered. */
const longest = 200
