import { type OrganizationRole, privacyOfficer } from '../../access/vocabulary.ts'

/** The trees of organizations. One without `partOf` is an institution of its own. */
export const organizations = {
  riverside: { name: 'Riverside University' },
  metabolic: { name: 'Department of Metabolic Health', partOf: 'riverside', madeBy: 'dean' },
  lab: { name: 'Glucose and Sleep Lab', partOf: 'metabolic', madeBy: 'dean' },
  clinic: { name: 'Riverside Outpatient Clinic', partOf: 'riverside', madeBy: 'dean' },
  northlake: { name: 'Northlake Institute' },
  /** Registers nobody, so its people know those in a study by code alone. */
  office: { name: 'Northlake Data Office', partOf: 'northlake', madeBy: 'director' },
} as const

export type OrganizationKey = keyof typeof organizations

export type Colleague = {
  readonly given: string
  readonly family: string
  /** Who they are, for readers of the story. */
  readonly title: string
  /** Who makes their account: the administrator, or the manager of an institution. */
  readonly madeBy: 'administrator' | 'dean' | 'director'
  readonly role?: { readonly of: OrganizationKey; readonly as: OrganizationRole }
}

const colleague = (
  name: `${string} ${string}`,
  title: string,
  madeBy: Colleague['madeBy'],
  role?: Colleague['role'],
): Colleague => {
  const [given = '', family = ''] = name.split(' ')
  return { given, family, title, madeBy, ...(role === undefined ? {} : { role }) }
}

/** Managers come first: they make the accounts of the others. */
export const staff = {
  dean: colleague('Marta Olsen', 'manager of the university', 'administrator', { of: 'riverside', as: 'manager' }),
  director: colleague('Erik Holm', 'manager of Northlake', 'administrator', { of: 'northlake', as: 'manager' }),
  stranger: colleague('Max Stone', 'signed in, belongs nowhere', 'administrator'),
  officer: colleague('Nadia Haddad', 'privacy officer of the university', 'dean', {
    of: 'riverside',
    as: privacyOfficer,
  }),
  coordinator: colleague('Ravi Iyer', 'coordinator in the department', 'dean', { of: 'metabolic', as: 'member' }),
  investigator: colleague('Helen Brandt', 'investigator of study A', 'dean', { of: 'metabolic', as: 'member' }),
  labResearcher: colleague('Yusuf Kaya', 'researcher in the lab', 'dean', { of: 'lab', as: 'viewer' }),
  clinician: colleague('Carol Diaz', 'physician in the clinic', 'dean', { of: 'clinic', as: 'viewer' }),
  recruiter: colleague('Sofia Lind', 'coordinator of study B', 'director', { of: 'northlake', as: 'member' }),
  analyst: colleague('Jens Aker', 'researcher of study B', 'director', { of: 'office', as: 'viewer' }),
  collaborator: colleague('Paula Reis', 'collaborator of study A, from Northlake', 'director', {
    of: 'northlake',
    as: 'member',
  }),
} as const satisfies Readonly<Record<string, Colleague>>

export type ColleagueKey = keyof typeof staff

export const emailOf = ({ given, family }: Pick<Colleague, 'given' | 'family'>): string =>
  `${given}.${family}@sharewell.example`.toLowerCase()

export type StudyKey = 'metabolism' | 'shifts'

export type Study = {
  readonly letter: 'A' | 'B'
  readonly organization: OrganizationKey
  readonly identity: 'identified' | 'coded'
  readonly access: 'organization' | 'staff'
  /** Who creates it and its staff. */
  readonly madeBy: 'dean' | 'director'
  /** Who registers and invites its participants. */
  readonly invitedBy: 'coordinator' | 'recruiter'
  readonly staff: Readonly<
    Partial<Record<ColleagueKey, 'investigator' | 'coordinator' | 'researcher' | 'collaborator'>>
  >
}

export const studies: Readonly<Record<StudyKey, Study>> = {
  metabolism: {
    letter: 'A',
    organization: 'metabolic',
    identity: 'identified',
    access: 'organization',
    madeBy: 'dean',
    invitedBy: 'coordinator',
    staff: { investigator: 'investigator', collaborator: 'collaborator' },
  },
  shifts: {
    letter: 'B',
    organization: 'northlake',
    identity: 'coded',
    access: 'staff',
    madeBy: 'director',
    invitedBy: 'recruiter',
    staff: { recruiter: 'coordinator', analyst: 'researcher' },
  },
}
