import type { HumanName, Practitioner, PractitionerRole } from '@medplum/fhirtypes'
import { type OrganizationRole, organizationRole, privacyOfficer } from '../../access/vocabulary.ts'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Role } from '../../search/expression.ts'
import type { Write } from '../../storage/store.ts'
import { presentContacts } from '../contact/reach.ts'
import type { Organizer } from '../organization/organizer.ts'

/** Somebody's role in an organization. */
export type Colleague = {
  /** Id of the PractitionerRole, and the version that was shown. */
  readonly id: string
  readonly version: string
  /** Id of the Practitioner. */
  readonly practitioner: string
  readonly name: HumanName | undefined
  /** How they are reached at work, as in the Practitioner. */
  readonly contacts: readonly string[]
  /** Their highest role; undefined if they are only privacy officer. */
  readonly role: Role | undefined
  readonly isPrivacyOfficer: boolean
  /** As in FHIR: days or moments. */
  readonly since: string | undefined
  readonly until: string | undefined
  readonly standing: RoleStanding
}

/** The state of a role by its period: not yet, now, or no longer. */
export type RoleStanding = 'to-come' | 'in-force' | 'over'

/** Throws `not-found` if nobody has this role in the organization. */
export const readColleague = async ({ read }: Organizer, organization: string, id: string): Promise<Colleague> => {
  const { resource } = await read<PractitionerRole>('PractitionerRole', id)
  const practitioner = namedId(resource.practitioner, 'Practitioner')
  if (!isRoleIn(resource, organization) || practitioner === undefined) throw new FhirError('not-found', 'No such role')
  return toColleague(resource, (await read<Practitioner>('Practitioner', practitioner)).resource)
}

/** Whether nobody else gives roles in the organization, not counting those above it. */
export const isLastManager = async ({ find }: Organizer, organization: string, { practitioner }: Colleague) =>
  (await managersOf(find, organization)).every(one => one === `Practitioner/${practitioner}`)

const managersOf = async (find: Organizer['find'], organization: string): Promise<readonly (string | undefined)[]> => {
  const query = { organization: `Organization/${organization}`, 'active:not': 'false', _count: '1000' }
  const { entries } = await find<PractitionerRole>('PractitionerRole', {
    ...query,
    role: `${organizationRole}|manager`,
  })
  return entries.flatMap(({ resource }) =>
    roleStandingOf(resource) === 'in-force' ? [resource.practitioner?.reference] : [],
  )
}

/** `keeping`: the id of the organization that must not be left without a manager; undefined if it may. */
type Shown = Pick<Colleague, 'id' | 'version'> & { readonly keeping?: string | undefined }

type Kept = { readonly role: Role | undefined; readonly isPrivacyOfficer: boolean }

/** Other codes of the PractitionerRole are kept. Throws NoManagerLeft, as `endRole` does. */
export const changeRole = (organizer: Organizer, shown: Shown, { role, isPrivacyOfficer }: Kept): Promise<string> =>
  change(organizer, shown, before => {
    const others = (before.code ?? []).filter(({ coding = [] }) => !coding.some(isOurs))
    const codes: readonly OrganizationRole[] = [
      ...(role === undefined ? [] : [role]),
      ...(isPrivacyOfficer ? ([privacyOfficer] as const) : []),
    ]
    return { ...before, code: [...codes.map(codeOf), ...others] }
  })

/** The role ends now, and can still be read. If it is over already, or has not begun, its period does not change. */
export const endRole = (organizer: Organizer, shown: Shown): Promise<string> =>
  change(organizer, shown, role => ({
    ...role,
    active: false,
    ...(roleStandingOf(role) === 'in-force' && { period: { ...role.period, end: new Date().toISOString() } }),
  }))

/** Thrown if nobody would be left who gives roles in the organization. */
export class NoManagerLeft extends FhirError {
  constructor() {
    super('business-rule', 'Nobody would give roles in the organization', { expression: 'PractitionerRole.code' })
  }
}

/** Whether a manager is left is checked after the change, so that of several changes at once, the last one finds that there is none. */
const change = (
  { write, atomic }: Organizer,
  { id, version, keeping }: Shown,
  next: (role: PractitionerRole) => PractitionerRole,
): Promise<string> => {
  const patch: Write = {
    kind: 'patch',
    type: 'PractitionerRole',
    id,
    ifMatch: version,
    change: stored => next(stored as PractitionerRole),
  }
  if (keeping === undefined) return write(patch)
  return atomic(async within => {
    const written = await within.write(patch)
    if ((await managersOf(within.find, keeping)).length === 0) throw new NoManagerLeft()
    return written
  })
}

export const codeOf = (code: OrganizationRole) => ({
  coding: [{ system: organizationRole, code, display: roleNames[code] }],
})

export const roleNames: Readonly<Record<OrganizationRole, string>> = {
  viewer: 'Viewer',
  member: 'Member',
  manager: 'Manager',
  [privacyOfficer]: 'Privacy officer',
}

/** The highest first. */
export const roles = ['manager', 'member', 'viewer'] as const satisfies readonly Role[]

/** All roles that can be given. */
export const organizationRoles: readonly OrganizationRole[] = [...roles, privacyOfficer]

/** In the middle of a sentence. */
export const roleWord = (role: OrganizationRole): string => roleNames[role].toLowerCase()

const isOurs = ({ system }: { readonly system?: string }): boolean => system === organizationRole

/** Whether it gives one of our roles there. */
export const isRoleIn = ({ organization, active, code = [] }: PractitionerRole, id: string): boolean =>
  organization?.reference === `Organization/${id}` &&
  active !== false &&
  code.some(({ coding = [] }) => coding.some(isOurs))

export const roleStandingOf = ({ period = {} }: Pick<PractitionerRole, 'period'>): RoleStanding => {
  const { low, high } = intervalOfPeriod(period)
  const now = new Date().toISOString()
  if (low !== '-infinity' && now < low) return 'to-come'
  return high === 'infinity' || now < high ? 'in-force' : 'over'
}

export const toColleague = (role: PractitionerRole, { id = '', name = [], telecom }: Practitioner): Colleague => {
  const codes = (role.code ?? []).flatMap(({ coding = [] }) => coding.filter(isOurs)).map(({ code }) => code)
  return {
    id: role.id ?? '',
    version: role.meta?.versionId ?? '',
    practitioner: id,
    name: name[0],
    contacts: presentContacts(telecom === undefined ? {} : { telecom }),
    role: roles.find(one => codes.includes(one)),
    isPrivacyOfficer: codes.includes(privacyOfficer),
    since: role.period?.start,
    until: role.period?.end,
    standing: roleStandingOf(role),
  }
}
