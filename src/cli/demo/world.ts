import type { Grantee, Participant, Source } from './cast.ts'
import type { ColleagueKey, OrganizationKey, StudyKey } from './staff.ts'

/** Ids as assigned by the server. */
export type Ids = {
  readonly organizations: Readonly<Record<OrganizationKey, string>>
  readonly sources: Readonly<Record<Source, string>>
  /** The ids of their Practitioners. */
  readonly colleagues: Readonly<Record<ColleagueKey, string>>
  readonly studies: Readonly<Record<StudyKey, string>>
  readonly studyOrganizations: Readonly<Record<StudyKey, string>>
}

/** A participant on the server. */
export type Enrolled = {
  readonly person: Participant
  readonly patient: string
  /** Their own devices. */
  readonly devices: Readonly<Record<Source, string>>
  readonly consents: ReadonlyMap<Grantee, string>
}

export type World = {
  readonly ids: Ids
  readonly enrolled: readonly Enrolled[]
  /** The moment to which everything is relative. */
  readonly now: number
}
