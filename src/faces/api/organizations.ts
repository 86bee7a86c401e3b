import type { Organization, PractitionerRole } from '@medplum/fhirtypes'
import { organizationRole } from '../../access/vocabulary.ts'
import type { Asking } from './asking.ts'

/** What a caller is in each organization, by its id. */
type Roles = ReadonlyMap<string, string>

export const toOrganization = (organization: Organization, roles: Roles) => ({
  ...toNamed(organization),
  partOf: idIn(organization.partOf?.reference, 'Organization'),
  children: [],
  currentUserRole: roles.get(organization.id ?? '') ?? null,
})

/** As it stands within a study. */
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
  const id = idIn(organization?.reference, 'Organization')
  const held = code.flatMap(({ coding = [] }) => coding).find(({ system }) => system === organizationRole)?.code
  return id === null || held === undefined ? [] : [[id, held]]
}

/** Those of the ids that the caller may see, by id. */
export const organizationsBy = async (
  { list }: Asking,
  ids: readonly (string | null)[],
): Promise<ReadonlyMap<string, Organization>> => {
  const asked = [...new Set(ids.flatMap(id => id ?? []))]
  if (asked.length === 0) return new Map()
  const found = await list<Organization>('Organization', { _id: asked.join(',') })
  return new Map(found.map(one => [one.id ?? '', one]))
}

export const idIn = (reference: string | undefined, type: string): string | null =>
  new RegExp(`^${type}/([A-Za-z0-9.-]{1,64})$`).exec(reference ?? '')?.[1] ?? null
