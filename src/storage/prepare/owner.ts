import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { chosenOwner, namedOwner, ownerElements, ownerOf, ownerSystem } from '../../access/owner.ts'
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

/**
 * The organization to which the next version of a resource belongs. Once there is one it stays, whatever a tag says. Throws `business-rule` if a
 * Patient or a role names another one: that one's people would not find it, and not even its managers could end the role.
 */
export const findNextOwner = async (
  connection: Connection,
  choosing: Choosing,
  current: { readonly owner: string | null; readonly resource: Resource },
  next: Resource,
): Promise<string | null> => {
  const named = namedOwner(next)
  if (current.owner === null) return (await findChosenOwner(connection, choosing, next)) ?? named ?? null
  const isMoved = named !== current.owner && named !== namedOwner(current.resource)
  if (isMoved && staysWithOwner.has(next.resourceType)) throw moved(next.resourceType, current.owner)
  return current.owner
}

/** What storage/model says of a study and its Group goes further. */
const staysWithOwner: ReadonlySet<ResourceType> = new Set(['Patient', 'PractitionerRole'])

const moved = (type: ResourceType, owner: string): FhirError => {
  const expression = `${type}.${ownerElements[type]}`
  return new FhirError(
    'business-rule',
    `A ${type} stays with its organization: ${expression} names Organization/${owner}`,
    {
      expression,
    },
  )
}

/** The organization that its tag chooses, if the caller may choose any. Throws `business-rule` if there is no such organization. */
const findChosenOwner = async (
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
