import type { Search } from '../search/search.ts'
import type { AskedAs } from '../storage/quarantine/refused-upload.ts'
import { queryIn } from './bundle/local-reference.ts'
import { parseConditionalCriteria } from './conditional.ts'
import type { Incoming } from './incoming/incoming.ts'
import { prepareUpload } from './incoming/upload.ts'
import type { Context, Handler, Prepared, Ready, TypeRequest } from './interaction.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#create */
export const create: Handler<TypeRequest> = async (request, context) =>
  writeOne(await prepareCreate(request, context), context, request.headers)

/** Does all of a create but the write itself. A transaction gives the `id`; one in the body is ignored, as FHIR says. */
export const prepareCreate = async (request: TypeRequest, context: Context, id?: string): Promise<Prepared> => {
  const { type, body } = request
  const { ifNoneExist } = request.headers
  const criteria = ifNoneExist === undefined ? {} : { ifNoneExist: existing(type, ifNoneExist, context) }
  const prepare = ({ warnings, ...one }: Incoming): Ready => ({
    write: { kind: 'create', ...one, ...(id === undefined ? {} : { id }), ...criteria },
    warnings,
  })
  return prepareUpload(type, withoutId(body), context, prepare, { body, ...askedAs(request) })
}

const askedAs = ({ metNothing, query, headers: { ifNoneExist } }: TypeRequest): AskedAs => {
  if (metNothing) return { update: {}, ifNoneExist: query.toString() }
  return ifNoneExist === undefined ? {} : { ifNoneExist }
}

const withoutId = (body: unknown): unknown => {
  if (typeof body !== 'object' || body === null || !('id' in body)) return body
  const { id: _, ...rest } = body
  return rest
}

/** https://hl7.org/fhir/R4/http.html#ccreate */
export const existing = (type: TypeRequest['type'], ifNoneExist: string, context: Context): Search =>
  parseConditionalCriteria(type, queryIn(ifNoneExist), context)
