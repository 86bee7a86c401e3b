import type { Config } from '../config.ts'
import type { ReportFault } from '../events/faults.ts'
import type { Letters } from '../jobs/letters.ts'
import type { Database } from '../storage/database.ts'
import type { OpenStoreAs } from './person.ts'

/** What everything about signing in needs. */
export type Accounts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  /** A store that may do everything, and signs what it writes with the principal. */
  readonly openStoreAs: OpenStoreAs
  /** Absent if no e-mail can be sent. */
  readonly mail?: Letters
  /** The address of this server in links, without a slash at the end. */
  readonly address: () => string
  /** Ends everything that the person has allowed apps, and records that. */
  readonly endApps: (person: string) => Promise<void>
  /** Who may make an account: anybody who reads the mail of an address, whoever was invited, or nobody. */
  readonly signUp: Config['signUp']
  readonly reportFault: ReportFault
}
