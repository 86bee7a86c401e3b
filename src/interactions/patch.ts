import type { Resource } from '@medplum/fhirtypes'
import { FhirError, type Issue } from '../fhir/error.ts'
import { openGiveWay } from '../fhir/give-way.ts'
import { movesValues, parsePatch } from '../fhir/patch/patch.ts'
import { withoutQuotes } from '../fhir/patch/unquoted.ts'
import { parseChange } from './incoming/incoming.ts'
import type { Context, Handler, InstanceRequest, Prepared } from './interaction.ts'
import { parseConditions } from './version.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#patch */
export const patch: Handler<InstanceRequest> = async (request, context) =>
  writeOne(preparePatch(request, context), context, request.headers)

/** The patch is applied to what is stored at the moment of the write, and the result is checked like an update. */
export const preparePatch = ({ type, id, body, headers }: InstanceRequest, context: Context): Prepared => {
  const apply = parsePatch(context.registry.structures, body, context.mostLetters)
  const isMoving = movesValues(body)
  const warnings: Issue[] = []
  const change = async (stored: Resource): Promise<Resource> => {
    const giveWay = openGiveWay()
    const changed = apply(stored)
    await giveWay()
    const { resource, ...incoming } = isMoving
      ? await parseQuietly(stored, changed, context)
      : await parseChange(stored, changed, context)
    if (resource.id !== id)
      throw new FhirError('business-rule', 'A patch cannot change the id', { expression: `${type}.id` })
    warnings.splice(0, warnings.length, ...incoming.warnings)
    return resource
  }
  return { write: { kind: 'patch', type, id, change, isMoving, ...parseConditions(headers) }, warnings }
}

const parseQuietly: typeof parseChange = async (...of) => {
  try {
    return await parseChange(...of)
  } catch (error) {
    throw withoutQuotes(error)
  }
}
