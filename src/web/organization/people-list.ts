import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'

/** What the list of an organization's people was asked for. Pages about one of them keep it in their addresses, to lead back to the list as it was. */
export const peopleListQuery = (request: FastifyRequest, others: Readonly<Record<string, string>> = {}): string => {
  const query = queryOf(request)
  const kept = asked.map(name => [name, query.get(name) ?? '']).filter(([, value]) => value !== '')
  const all = new URLSearchParams([...Object.entries(others), ...kept])
  return all.size === 0 ? '' : `?${all}`
}

const asked = ['name', 'role', 'sort', 'page'] as const
