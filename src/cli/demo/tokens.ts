import { commandLineClient } from '../../storage/client.ts'
import type { Database } from '../../storage/database.ts'
import { issueToken, type TokenRequest } from '../../storage/token.ts'
import { openAccount } from '../../storage/user-account.ts'
import { type FhirClient, openFhirClient } from './fhir-client.ts'
import { type ColleagueKey, emailOf, staff } from './staff.ts'

/** Everyone's way in: a token of the command line's, and a client that carries it. */
export type SignIn = {
  readonly administrator: () => Promise<FhirClient>
  /** The colleague's address becomes that of the Person. */
  readonly openAccount: (key: ColleagueKey, person: string) => Promise<unknown>
  readonly colleague: (key: ColleagueKey, scope: string, study?: string) => Promise<FhirClient>
  readonly patient: (id: string, scope: string) => Promise<FhirClient>
  readonly nobody: FhirClient
}

const ttlSeconds = 12 * 3600

export const openSignIn = (database: Database, base: string): SignIn => {
  const open = async (subject: TokenRequest['subject'], scope: string, study?: string) => {
    const narrowed = study === undefined ? {} : { study }
    return openFhirClient(
      base,
      await issueToken(database, { subject, client: commandLineClient, scope, ttlSeconds, ...narrowed }),
    )
  }
  return {
    openAccount: (key, person) => openAccount(database, emailOf(staff[key]), person),
    administrator: () => open({ kind: 'administrator' }, 'user/*.cruds'),
    colleague: async (key, scope, study) =>
      open({ kind: 'user', person: await openAccount(database, emailOf(staff[key])) }, scope, study),
    patient: (id, scope) => open({ kind: 'patient', patient: id }, scope),
    nobody: openFhirClient(base, ''),
  }
}

export const scopes = {
  setUp: 'openid fhirUser user/*.cruds',
  read: 'openid fhirUser user/*.rs',
  patient: 'openid fhirUser patient/*.cruds patient/Consent.cruds patient/Device.cruds',
  /** Heart rate and nothing else. */
  heartRate: 'patient/Observation.rs?code=http://purl.bioontology.org/ontology/SNOMEDCT/78564009',
} as const
