import type { Handler, InstanceRequest, Prepared } from './interaction.ts'
import { parseConditions } from './version.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#delete */
export const deletion: Handler<InstanceRequest> = async (request, context) =>
  writeOne(prepareDelete(request), context, request.headers)

export const prepareDelete = ({ type, id, headers }: InstanceRequest): Prepared => ({
  write: { kind: 'delete', type, id, ...parseConditions(headers) },
  warnings: [],
})
