import { type OrganizationRole, privacyOfficer } from '../../access/vocabulary.ts'
import { organizationRoles, roleNames, roles } from '../../accounts/staff/colleagues.ts'

/** What people with the role may do, in a sentence. */
export const roleSentences: Readonly<Record<OrganizationRole, string>> = {
  manager:
    'Does what members do, and manages the studies of the organization; manages people and apps in it and in everything below it.',
  member: 'Registers patients, sets up studies and invites people to them, and reads what viewers read.',
  viewer: 'Reads the organization’s patients and studies. Measurements are shown to nobody without a consent.',
  [privacyOfficer]:
    'Reads the record of who did what, here and in everything below; this role alone gives access to nothing else.',
}

const toChoice = (value: OrganizationRole) => ({ value, label: roleNames[value], hint: roleSentences[value] })

/** The roles of which somebody has one at most. */
export const roleChoices = roles.map(toChoice)

/** All roles, to choose one. */
export const allRoleChoices = organizationRoles.map(toChoice)
