import { roles } from '../../accounts/staff/colleagues.ts'
import type { Role } from '../../search/expression.ts'

/** The names of the roles. */
export const roleNames: Readonly<Record<Role, string>> = { manager: 'Manager', member: 'Member', viewer: 'Viewer' }

/** What people with the role may do, in a sentence. */
export const roleSentences: Readonly<Record<Role, string>> = {
  manager:
    'Does what members do, and manages the studies of the organization; manages people and apps in it and in everything below it.',
  member: 'Registers patients, sets up studies and invites people to them, and reads what viewers read.',
  viewer: 'Reads the organization’s patients and studies. Measurements are shown to nobody without a consent.',
}

/** All roles, to choose one. */
export const roleChoices = roles.map(value => ({ value, label: roleNames[value], hint: roleSentences[value] }))
