import { sql } from '../../sql.ts'

/** All keys of what administrators of the installation are shown are below this, and no others. */
export const firstOfInstallation = sql.fragment`-4503599627370496::bigint`
