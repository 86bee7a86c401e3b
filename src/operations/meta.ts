import type { Meta } from '@medplum/fhirtypes'
import type { Context, FhirRequest } from '../interactions/interaction.ts'
import { searchableTypes } from '../interactions/searchable-types.ts'
import type { Operation } from './operation.ts'
import { parametersResponse, primitivesAmong } from './parameters.ts'

/** https://hl7.org/fhir/R4/resource-operation-meta.html */
export const meta: Operation = {
  name: 'meta',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta',
  at: { system: 's', type: 's', instance: 'r' },
  types: 'all',
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: {} }),
  documentation:
    'The profiles, tags and security labels of one resource, or of all resources that the caller may search.',
  handler: async (request, context) => {
    primitivesAmong(request, 'meta', meta.takes())
    const valueMeta = await metaOf(request, context)
    // "An element SHALL have either a value or child elements".
    return parametersResponse(Object.keys(valueMeta).length === 0 ? [] : [{ name: 'return', valueMeta }])
  },
}

const metaOf = async (request: FhirRequest, context: Context): Promise<Meta> => {
  const { store } = context
  if (!('type' in request)) return store.meta(searchableTypes(context))
  if (!('id' in request)) return store.meta([request.type])
  const { content } = await store.read(request.type, request.id)
  const { meta = {} }: { readonly meta?: Meta } = JSON.parse(content)
  return meta
}
