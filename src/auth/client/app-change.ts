import { type ConfigurationChange, recordingChange } from '../../accounts/organization/configuration-change.ts'
import type { OpenStoreAs } from '../../accounts/person.ts'
import type { Connection, Database } from '../../storage/database.ts'
import type { ScopeRules } from '../request/requested-scope.ts'

export type AppParts = {
  readonly database: Database
  readonly rules: ScopeRules
  readonly openStoreAs: OpenStoreAs
  readonly refusalOf: (url: string) => string | undefined
  readonly onRevoked: () => void
}

/** What was done to an app, if anything was, and what is answered. */
export type AppChange<T> = { readonly answer: T; readonly change: ConfigurationChange | undefined }

/** Who changes it, and of which organization it is; of none if it is one of the whole installation. */
type ChangedBy = { readonly person: string; readonly organization?: string }

/** Changes an app or backend service, and records that. */
export const changeApp = async <T>(
  { openStoreAs, onRevoked }: AppParts,
  { person, organization }: ChangedBy,
  run: (connection: Connection) => Promise<AppChange<T>>,
): Promise<T> => {
  const answer = await recordingChange({ openStoreAs, person, organization }, run)
  // For tokens that this process still remembers.
  onRevoked()
  return answer
}
