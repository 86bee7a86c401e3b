import { openAccount } from '../../storage/account/user-account.ts'
import { commandLineClient } from '../../storage/authorization/client.ts'
import { issueToken, type TokenRequest } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'
import type { Contract } from './document.ts'
import { type FhirClient, openFhirClient } from './fhir-client.ts'
import { type LetterRead, readLetter } from './letter.ts'
import { type ColleagueKey, emailOf, staff } from './staff.ts'

/** How everybody gets in: with a token from the command line, and a client that sends it. */
export type SignIn = {
  readonly administrator: () => Promise<FhirClient>
  /** The colleague's address becomes that of the Person. */
  readonly openAccount: (key: ColleagueKey, person: string) => Promise<unknown>
  readonly colleague: (key: ColleagueKey, scope: string, study?: string) => Promise<FhirClient>
  readonly patient: (id: string, scope: string) => Promise<FhirClient>
  /** The patient's app, at the interface to which it uploads. */
  readonly uploading: (contract: Contract, id: string) => Promise<FhirClient>
  /** Invites the patient to a study and reads the letter: what it has for an app that accepts invitations by itself. */
  readonly invited: (subject: string, patient: string, study: string) => Promise<LetterRead>
  /** Any part of this server, with a token. */
  readonly at: (path: string, token: string) => FhirClient
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
  const address = base.replace(/\/fhir$/, '')
  const at = (path: string, token: string) => openFhirClient(`${address}${path}`, token, 'application/json')
  return {
    at,
    uploading: async (contract, id) => {
      const app = await open({ kind: 'patient', patient: id }, 'patient/Observation.cruds')
      return contract === 'r4' ? app : at('/FHIR/R5', app.token)
    },
    invited: (subject, patient, study) => readLetter(database, { subject, patient, study }),
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
  /** Only heart rate. */
  heartRate: 'patient/Observation.rs?code=http://purl.bioontology.org/ontology/SNOMEDCT/78564009',
} as const
