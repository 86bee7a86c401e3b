import type { FastifyRequest } from 'fastify'
import type { NamedOrganization } from '../../accounts/organization/administered-organizations.ts'
import type { By } from '../../auth/client/organization-apps.ts'
import { FhirError } from '../../fhir/error.ts'
import type { PageOptions } from './add-page.ts'
import { sessionOf } from './signed-in.ts'

export type OfOrganization = { readonly Params: { readonly organization: string } }

/** The organization in the address, and the person as its administrator. Throws `not-found` for anybody else, as if it did not exist. */
export const administeredOf = async (
  request: FastifyRequest<OfOrganization>,
  { administered }: PageOptions,
): Promise<NamedOrganization & { readonly by: By }> => {
  const { person } = sessionOf(request)
  const found = await administered.find(person, request.params.organization)
  if (found === undefined) throw new FhirError('not-found', 'There is no such organization')
  const { id, name, caller } = found
  return { id, name, by: { person, caller, organization: id } }
}
