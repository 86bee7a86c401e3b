import { FhirError } from '../fhir/error.ts'
import { isObject } from '../fhir/json.ts'
import type { Incoming } from './incoming/incoming.ts'
import { prepareUpload } from './incoming/upload.ts'
import type { Context, Handler, InstanceRequest, Prepared, Ready } from './interaction.ts'
import { parseConditions } from './version.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#update */
export const update: Handler<InstanceRequest> = async (request, context) =>
  writeOne(await prepareUpdate(request, context), context, request.headers)

/** Does all of an update but the write itself. The store decides whether it may create the resource. */
export const prepareUpdate = async (
  { type, id, body, headers }: InstanceRequest,
  context: Context,
): Promise<Prepared> => {
  const conditions = parseConditions(headers)
  const prepare = ({ warnings, resource, repairs }: Incoming): Ready => {
    if (resource.id !== id) {
      const said = resource.id === undefined ? 'has no id' : `has the id ${JSON.stringify(resource.id)}`
      throw new FhirError('invalid', `The body ${said}; it must be that of the URL, ${id}`, {
        expression: `${type}.id`,
      })
    }
    return { write: { kind: 'update', id, resource, ...(repairs && { repairs }), ...conditions }, warnings }
  }
  const sent = isOf(id, body) ? { body, update: { id, ...conditions } } : undefined
  return prepareUpload(type, body, context, prepare, sent)
}

const isOf = (id: string, body: unknown): boolean => isObject(body) && body.id === id
