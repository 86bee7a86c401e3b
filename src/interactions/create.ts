import { FhirError } from '../fhir/error.ts'
import { parseSearch } from '../search/parse.ts'
import type { Search } from '../search/search.ts'
import { parseIncoming } from './incoming.ts'
import type { Context, Handler, TypeRequest } from './interaction.ts'
import { requireAccess } from './require-access.ts'
import { type Prepared, writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#create */
export const create: Handler<TypeRequest> = async (request, context) =>
  writeOne(prepareCreate(request, context), context, request.headers)

/** All of a create but the write. `id` is given by a transaction; one in the body is ignored, as FHIR says. */
export const prepareCreate = ({ type, body, headers }: TypeRequest, context: Context, id?: string): Prepared => {
  const { warnings, ...incoming } = parseIncoming(type, withoutId(body), context)
  return {
    write: {
      kind: 'create',
      ...incoming,
      ...(id === undefined ? {} : { id }),
      ...(headers.ifNoneExist === undefined ? {} : { ifNoneExist: criteria(type, headers.ifNoneExist, context) }),
    },
    warnings,
  }
}

const withoutId = (body: unknown): unknown => {
  if (typeof body !== 'object' || body === null || !('id' in body)) return body
  const { id: _, ...rest } = body
  return rest
}

/** https://hl7.org/fhir/R4/http.html#ccreate */
const criteria = (type: TypeRequest['type'], ifNoneExist: string, context: Context): Search => {
  requireAccess(context, 's', type)
  const query = new URLSearchParams(ifNoneExist.replace(/^.*\?/, ''))
  const search = parseSearch(context.registry, type, query)
  if (search.applied.length === 0) {
    throw new FhirError('invalid', 'If-None-Exist takes search parameters', { expression: 'If-None-Exist' })
  }
  return search
}
