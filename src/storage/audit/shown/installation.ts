import { sql } from '../../sql.ts'

/** Below it, and nowhere else, are the keys of what administrators of the installation are shown of the record. */
export const firstOfInstallation = sql.fragment`-4503599627370496::bigint`
