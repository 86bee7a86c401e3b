import type { Observation } from '@medplum/fhirtypes'
import type { Search } from '../search/search.ts'
import { criteriaOf } from './conditional.ts'
import { prepareFrom } from './decide-policy.ts'
import { parseIncoming } from './incoming.ts'
import type { Context, Handler, Prepared, TypeRequest } from './interaction.ts'
import { writeOne } from './written.ts'

/** https://hl7.org/fhir/R4/http.html#create */
export const create: Handler<TypeRequest> = async (request, context) =>
  writeOne(prepareCreate(request, context), context, request.headers)

/** All of a create but the write. `id` is given by a transaction; one in the body is ignored, as FHIR says. */
export const prepareCreate = ({ type, body, headers }: TypeRequest, context: Context, id?: string): Prepared => {
  const { ifNoneExist } = headers
  const incoming = parseIncoming(type, withoutId(body), context)
  const prepared = prepareFrom(incoming, ({ warnings, ...one }) => ({
    write: {
      kind: 'create',
      ...one,
      ...(id === undefined ? {} : { id }),
      ...(ifNoneExist === undefined ? {} : { ifNoneExist: existing(type, ifNoneExist, context) }),
    },
    warnings,
  }))
  if (!('asked' in prepared)) return prepared
  const conditions = ifNoneExist === undefined ? {} : { ifNoneExist }
  return { ...prepared, upload: () => ({ body, schema: schemaOf(prepared.asked, context), ...conditions }) }
}

const schemaOf = (observation: Observation, { mhealth }: Context): string => {
  const { namespace, name, version } = mhealth.documentOf(observation)?.id ?? {}
  return [namespace, name, version].join(':')
}

const withoutId = (body: unknown): unknown => {
  if (typeof body !== 'object' || body === null || !('id' in body)) return body
  const { id: _, ...rest } = body
  return rest
}

/** https://hl7.org/fhir/R4/http.html#ccreate */
export const existing = (type: TypeRequest['type'], ifNoneExist: string, context: Context): Search =>
  criteriaOf(type, new URLSearchParams(ifNoneExist.slice(ifNoneExist.indexOf('?') + 1)), context)
