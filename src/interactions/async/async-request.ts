import { isGranted } from '../../access/rules.ts'
import { FhirError } from '../../fhir/error.ts'
import { jsonText } from '../../fhir/json.ts'
import { parseSearch } from '../../search/parse.ts'
import type { AsyncRequest } from '../../storage/work/async-request.ts'
import { entriesOf } from '../bundle/entry.ts'
import type { Context, Routed, TypeRequest } from '../interaction.ts'
import { handlingOf } from '../search/search.ts'

type Asked = Pick<AsyncRequest, 'name' | 'target' | 'body' | 'total'>

/**
 * What is answered later if the client prefers that: a Bundle of writes, or a search for matches. Undefined for anything else, which is answered at
 * once: a count, or a text that was made of what the caller could see at that time, cannot pass the gate again.
 * https://hl7.org/fhir/async-bundle.html
 */
export const asyncRequestOf = ({ interaction, request }: Routed, context: Context): Asked | undefined => {
  const { name } = interaction
  const { body, headers } = request
  if (headers.prefer.return === 'representation' || headers.lines) return undefined
  if (name === 'search-type') {
    if (!('type' in request) || 'compartment' in request || !isOfMatches(request, context)) return undefined
    return { name, target: `${request.type}?${request.query}`, body: null, total: 1 }
  }
  if (name !== 'batch' && name !== 'transaction' && !(name === 'operation' && interaction.takesBundle)) return undefined
  const bundle = name === 'operation' ? interaction.takesBundle?.(body) : body
  const entries = entriesOf(bundle)
  const target = interaction.path
  return entries.every(isWrite) ? { name, target, body: textOf(bundle), total: entries.length } : undefined
}

const textOf = (body: unknown): string => {
  try {
    return JSON.stringify(body)
  } catch (cause) {
    throw new FhirError('structure', 'The body is nested too deep', { cause })
  }
}

/** If something is wrong with it, that is answered at once. */
const isOfMatches = ({ type, query, headers }: TypeRequest, { registry, base, access }: Context): boolean => {
  if (!isGranted(access, 's', type) || query.has('_cursor') || query.has('_explain')) return false
  return parseSearch(registry, type, query, { base, handling: handlingOf(headers) }).total === 'none'
}

/** Something that is no entry at all counts as one, and is refused later, at its place. */
const isWrite = (entry: unknown): boolean => {
  const { request } = (entry ?? {}) as { readonly request?: { readonly method?: unknown; readonly url?: unknown } }
  return request?.method !== 'GET' && request?.method !== 'HEAD' && !/\$|%24/.test(jsonText(request?.url))
}
