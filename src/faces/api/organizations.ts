import type { Organization, PractitionerRole } from '@medplum/fhirtypes'
import { organizationRole } from '../../access/vocabulary.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Asking } from './asking.ts'

/** The caller's role in each organization, by its id. */
type Roles = ReadonlyMap<string, string>

export const toOrganization = (organization: Organization, roles: Roles) => ({
  ...toNamed(organization),
  partOf: namedId(organization.partOf, 'Organization') ?? null,
  children: [],
  currentUserRole: roles.get(organization.id ?? '') ?? null,
})

/** An organization as part of a study. */
export const toNamed = ({ id, name, type }: Organization) => ({
  id,
  name: name ?? '',
  type: type?.[0]?.coding?.[0]?.code ?? null,
})

export const rolesOf = async ({ caller, list }: Asking): Promise<Roles> => {
  if (caller.practitioner === undefined) return new Map()
  const found = await list<PractitionerRole>('PractitionerRole', {
    practitioner: `Practitioner/${caller.practitioner}`,
  })
  return new Map(found.flatMap(entriesOf))
}

const entriesOf = ({ organization, code = [] }: PractitionerRole): [string, string][] => {
  const id = namedId(organization, 'Organization')
  const held = code.flatMap(({ coding = [] }) => coding).find(({ system }) => system === organizationRole)?.code
  return id === undefined || held === undefined ? [] : [[id, held]]
}

/** Those of the organizations that the caller may see, by id. */
export const organizationsBy = async (
  { list }: Asking,
  ids: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, Organization>> => {
  const asked = [...new Set(ids.flatMap(id => id ?? []))]
  if (asked.length === 0) return new Map()
  const found = await list<Organization>('Organization', { _id: asked.join(',') })
  return new Map(found.map(one => [one.id ?? '', one]))
}
