import type { Resource } from '@medplum/fhirtypes'
import { chosenOwner, ownerOf, ownerSystem } from '../../access/owner.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

type Choosing = { readonly organizations: readonly string[]; readonly choosesOwner: boolean }

/** The organization to which a new resource belongs. An Observation belongs to its patient alone. */
export const findOwner = async (
  connection: Connection,
  choosing: Choosing,
  resource: Resource,
): Promise<string | null> =>
  resource.resourceType === 'Observation'
    ? null
    : ((await findChosenOwner(connection, choosing, resource)) ?? ownerOf(resource, choosing.organizations))

/** The organization that its tag chooses, if the caller may choose any. Throws `business-rule` if there is no such organization. */
export const findChosenOwner = async (
  connection: Connection,
  { choosesOwner }: Choosing,
  resource: Resource,
): Promise<string | undefined> => {
  const chosen = choosesOwner && resource.resourceType !== 'Observation' ? chosenOwner(resource) : undefined
  if (chosen === undefined) return undefined
  const known = await connection.maybeOne(sql.fragment`SELECT FROM organization_node WHERE id = ${chosen}`)
  if (known !== undefined) return chosen
  throw new FhirError(
    'business-rule',
    `meta.tag ${ownerSystem}|${chosen} names no Organization of this server: the code is the id of one that is stored`,
    { expression: `${resource.resourceType}.meta.tag` },
  )
}
