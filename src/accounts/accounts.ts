import type { Database } from '../storage/database.ts'
import type { OpenStoreAs } from './person.ts'

/** What signing in and all about it stands on. */
export type Accounts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  /** A store that may do everything, and signs what it writes with the principal. */
  readonly openStoreAs: OpenStoreAs
}
