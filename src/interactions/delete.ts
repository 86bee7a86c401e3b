import { refusal } from '../search/refusal.ts'
import { isPresentationName } from '../search/result-parameter.ts'
import type { Handler, InstanceRequest, Prepared } from './interaction.ts'
import { parseConditions } from './version.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#delete */
export const deletion: Handler<InstanceRequest> = async (request, context) =>
  writeOne(prepareDelete(request), context, request.headers)

export const prepareDelete = ({ type, id, query, headers }: InstanceRequest): Prepared => {
  if (headers.prefer.handling === 'strict') refuseParameters(query)
  return { write: { kind: 'delete', type, id, ...parseConditions(headers) }, warnings: [] }
}

/** Whoever sends `_cascade`, `_expunge` or `_hardDelete`, as other servers take them, would believe that more is gone than is. */
const refuseParameters = (query: URLSearchParams): void => {
  const unknown = [...query.keys()].find(name => !isPresentationName(name))
  if (unknown === undefined) return
  throw refusal(unknown, `"${unknown}" is no parameter of a delete by id here; supported: _format, _pretty`)
}
