import type { Key } from '../../messages/catalogue.ts'

/** What somebody on the staff of a study is called who has given no name, by their code of `CodeSystem/staff-role`. */
export const staffRoleKey = (role: string): Key => keys[role] ?? 'staff.other'

const keys: Readonly<Record<string, Key>> = {
  investigator: 'staff.investigator',
  coordinator: 'staff.coordinator',
  researcher: 'staff.researcher',
  collaborator: 'staff.collaborator',
}
