import type { Coding, Reference, Resource, ResourceType } from '@medplum/fhirtypes'
import { canonicalBase } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import { parseReference } from '../fhir/reference.ts'

/** The tag that shows, and may choose, the organization that owns a resource which does not name it itself. */
export const ownerSystem = `${canonicalBase}/owner`

/**
 * The organization that a new resource belongs to: the one it names where its type says so, else the one its tag chooses,
 * else the only one of its writer. Null where the writer has none. Throws `business-rule` where there are several.
 */
export const ownerOf = (resource: Resource, organizations: readonly string[]): string | null => {
  const named = namedOwner(resource)
  if (named !== undefined) return named
  const chosen = chosenOwner(resource)
  if (chosen !== undefined && organizations.includes(chosen)) return chosen
  const [only] = organizations
  if (organizations.length > 1)
    throw new FhirError(
      'business-rule',
      `Say which organization owns it: meta.tag ${ownerSystem}|${organizations.join(' or ')}`,
      {
        expression: `${resource.resourceType}.meta.tag`,
      },
    )
  return only ?? null
}

/** The organization that its tag chooses, of a resource that does not name one itself. */
export const chosenOwner = (resource: Resource): string | undefined =>
  namedOwner(resource) === undefined
    ? resource.meta?.tag?.find(({ system }) => system === ownerSystem)?.code
    : undefined

/**
 * The resource, with a tag that chooses one of its writer's organizations if they have several: the first of the preferred ones for which they
 * may write. Somebody on a page is not asked which, unlike over FHIR.
 */
export const inOneOf = <R extends Resource>(
  resource: R,
  organizations: readonly string[],
  preferred: readonly (string | undefined)[] = [],
): R => {
  const owner = preferred.find(one => one !== undefined && organizations.includes(one)) ?? organizations[0]
  if (organizations.length < 2 || owner === undefined) return resource
  if (namedOwner(resource) !== undefined || chosenOwner(resource) !== undefined) return resource
  const tag = [...(resource.meta?.tag ?? []), { system: ownerSystem, code: owner }]
  return { ...resource, meta: { ...resource.meta, tag } }
}

/** A resource that names its owner itself comes back as it was sent. */
export const ownerTag = (resource: Resource, owner: string | null): readonly Coding[] =>
  owner === null || namedOwner(resource) !== undefined ? [] : [{ system: ownerSystem, code: owner }]

/** The organization that a resource names itself, in the element that its type has for that. */
export const namedOwner = (resource: Resource): string | undefined => {
  const element = ownerElements[resource.resourceType]
  const reference = element === undefined ? undefined : (resource as Owning)[element]?.reference
  const parsed = reference === undefined ? undefined : parseReference(reference)
  return parsed !== undefined && 'type' in parsed && parsed.type === 'Organization' ? parsed.id : undefined
}

type Owning = Resource & { readonly [element: string]: Reference | undefined }

/** The element in which a type names the organization that a resource belongs to. */
export const ownerElements: Readonly<Partial<Record<ResourceType, string>>> = {
  PractitionerRole: 'organization',
  ResearchStudy: 'sponsor',
  Group: 'managingEntity',
  Patient: 'managingOrganization',
}
