import type { Organization, PractitionerRole } from '@medplum/fhirtypes'
import { organizationRole, rankOf } from '../../access/vocabulary.ts'
import { roleStandingOf } from '../../accounts/staff/colleagues.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Role } from '../../search/expression.ts'
import type { Asking } from './asking.ts'

/** The caller's highest role in each organization now, by its id. */
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

export const rolesOf = async ({ caller, listAllowed }: Asking): Promise<Roles> => {
  if (caller.practitioner === undefined) return new Map()
  const found = await listAllowed<PractitionerRole>('PractitionerRole', {
    practitioner: `Practitioner/${caller.practitioner}`,
  })
  return new Map(heldIn(found).toSorted(byRank))
}

/** Those that are in force. */
const heldIn = (found: readonly PractitionerRole[]): readonly [string, string][] =>
  found.flatMap(role => {
    const id = namedId(role.organization, 'Organization')
    if (id === undefined || role.active === false || roleStandingOf(role) !== 'in-force') return []
    return (role.code ?? [])
      .flatMap(({ coding = [] }) => coding)
      .flatMap(({ system, code: held }) => (system === organizationRole && held !== undefined ? [[id, held]] : []))
  })

/** The lowest first. */
const byRank = ([, one]: readonly [string, string], [, other]: readonly [string, string]): number =>
  rankIn(one) - rankIn(other)

const rankIn = (role: string): number => (Object.hasOwn(rankOf, role) ? rankOf[role as Role] : 0)

/** Those of the organizations that the caller may see, by id. */
export const organizationsBy = async (
  { listAllowed }: Asking,
  ids: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, Organization>> => {
  const asked = [...new Set(ids.flatMap(id => id ?? []))]
  if (asked.length === 0) return new Map()
  const found = await listAllowed<Organization>('Organization', { _id: asked.join(',') })
  return new Map(found.map(one => [one.id ?? '', one]))
}
