import type { Resource } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Write } from './store.ts'

/** Makes the resource with an id that the server has chosen. If it is there already, it stays as it is, and is answered. */
export const createOnce = (
  registry: Registry,
  resource: Resource,
  id: string,
): Extract<Write, { readonly kind: 'create' }> => ({
  kind: 'create',
  resource,
  id,
  ifNoneExist: parseSearch(registry, resource.resourceType, new URLSearchParams({ _id: id })),
})
